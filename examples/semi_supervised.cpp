// SPDX-License-Identifier: Apache-2.0
//
// Semi-supervised learning with a GAN: a classifier that has seen the labels of 100 digits, and thousands of digits without any.
//
// The discriminator is a classifier of ten digits whose class logits together say how real a picture is: real digits are of some class,
// generated ones of none. So it learns what digits look like from all of them, and from the 100 labels which is which. The generator
// only has to match the mean features of real digits, for a perfect one would teach the discriminator nothing: Salimans et al. 2016,
// sections 3.1 and 5.
//
// The same network, trained on the 100 labelled digits alone, is what it is compared with, on digits that neither has seen.
#include <algorithm>
#include <array>
#include <cstdio>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/classifier.hpp"
#include "support/devices.hpp"
#include "support/progress.hpp"

namespace {

using namespace nash;
constexpr index_t classes = 10;

auto make_generator() {
  return Generator{Latent::normal(100), Sequential{Dense{100, 500, {.init = Init::he()}}, BatchNorm{500}, ReLU{}, Dense{500, 500, {.init = Init::he()}},
                                                   BatchNorm{500}, ReLU{}, Dense{500, 28 * 28}, Tanh{}, Reshape{28, 28, 1}}};
}

auto make_discriminator() {
  const DenseOptions he{.init = Init::he(0.2)};
  return Discriminator{Sequential{Dropout{0.2}, Dense{28 * 28, 600, he}, LeakyReLU{0.2}, Dropout{0.4}, Dense{600, 300, he}, LeakyReLU{0.2}, Dropout{0.4},
                                  Dense{300, 300, he}, LeakyReLU{0.2}, Dropout{0.4}, Dense{300, 300, he}, LeakyReLU{0.2}, Dense{300, classes},
                                  SemiSupervisedHead{classes}}};
}
constexpr index_t features = 11;  // the layer whose mean outputs the generator matches

/// The discriminator's game, and a generator that plays by feature matching alone.
struct DiscriminatorAlone : NonSaturating {
  LossValue generator(double) const { return {0, 0}; }
};

/// The first digits of a set with as many of each class.
Dataset balanced(const Dataset& digits, index_t count) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  std::array<index_t, classes> taken{};
  for (index_t i = 0; i < digits.size(); ++i) {
    if (taken[static_cast<std::size_t>(digits.label(i))] == count / classes) continue;
    ++taken[static_cast<std::size_t>(digits.label(i))];
    pixels.insert(pixels.end(), digits.image(i).begin(), digits.image(i).end());
    labels.push_back(digits.label(i));
  }
  if (static_cast<index_t>(labels.size()) != count)
    throw DataError("--labels", concat({"a multiple of ", classes, ", and that many digits of each class in ", digits.name()}), concat({count}), "ask for 100");
  return Dataset("the labelled digits", digits.shape().with_samples(count), std::move(pixels), std::move(labels));
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/semi_supervised", device = "cpu";
  std::int64_t labels = 100, held_out = 2000, steps = 5000, batch_size = 64;
  std::uint64_t seed = 1;
  double learning_rate = 1e-3;
  example::Arguments arguments("Trains a classifier on a few labelled digits and many without labels, by a GAN.");
  arguments.option("--data", data, "folder with digits and labels (IDX files)")
      .option("--out", out, "folder for a picture of what the generator makes")
      .option("--device", device, "what the GAN is trained on: cpu, or cuda where this was built with NASH_CUDA")
      .option("--labels", labels, "how many digits have a label, as many of each class")
      .option("--held-out", held_out, "the last digits, which accuracy is measured on")
      .option("--steps", steps, "training steps, of the GAN and of the classifier that it is compared with")
      .option("--batch-size", batch_size, "labelled and unlabelled digits a step, each")
      .option("--learning-rate", learning_rate, "of all networks")
      .option("--seed", seed, "of everything that is random");

  return arguments.run(argc, argv, [&] {
    example::require_at_least(1, static_cast<double>(steps), "--steps", "train for some steps");
    example::require_at_least(classes, static_cast<double>(labels), "--labels", "ask for at least one of each class");
    const Dataset digits = example::load_labelled_digits(data);
    if (held_out < 1 || held_out >= digits.size())
      throw DataError("--held-out", concat({"1 to ", digits.size() - 1}), concat({held_out}), "keep some digits for training");
    const Dataset training = digits.slice(0, digits.size() - held_out), testing = digits.slice(digits.size() - held_out, held_out);
    const Dataset labelled = balanced(training, labels);
    const index_t batch = std::min<index_t>(batch_size, labels);
    const std::filesystem::path picture = std::filesystem::path(out) / "samples.png";

    example::with_device(device, [&](auto chosen) {
      using Device = decltype(chosen);
      const Adam adam{.learning_rate = learning_rate, .beta1 = 0.5};
      GanTrainer trainer{make_generator().to<float, Device>(), make_discriminator().to<float, Device>(), DiscriminatorAlone{},
                         {.seed = seed, .generator = adam, .discriminator = adam},
                         FeatureMatching{1, {features}}, SemiSupervised{labelled, 1, {.batch_size = batch}}};
      const auto draw = [&] { write_png(picture, enlarge(image_grid(trainer.generator().generate(trainer.context(), RandomStream(seed), 64)), 2)); };
      draw();  // where no picture can be written, this says so before the training

      Context<> host;  // for the classifiers, which are small
      auto alone = make_discriminator();
      alone.initialise(seed);
      example::train_classifier(host, alone, labelled,
                                {.steps = steps, .batch_size = batch, .first = 1, .learning_rate = learning_rate, .seed = seed}, [](index_t) {});
      const double accuracy_alone = example::accuracy(host, alone, testing, 1);
      std::printf("%lld labelled digits alone: %.2f %% of %lld held-out digits right\n", static_cast<long long>(labels), 100 * accuracy_alone,
                  static_cast<long long>(held_out));

      for (const auto player : {Player::generator, Player::discriminator})
        trainer.set_schedule(player, LinearDecay{.begin = steps / 2, .end = steps, .final_factor = 0.05});
      Loader<float, Device> loader{training, {.batch_size = batch_size, .seed = seed}};
      example::watch_for_interrupt();
      example::Progress progress(steps, batch_size);
      for (index_t step = 0; step < steps && !example::interrupted(); ++step) progress.show(trainer.step(loader.next().images));
      progress.finish();
      draw();
      std::printf("with %lld digits without labels: %.2f %%\nPicture: %s\n", static_cast<long long>(training.size()),
                  100 * example::accuracy(host, trainer.discriminator().template to<float, Cpu>(), testing, 1), picture.string().c_str());
    });
  });
}
