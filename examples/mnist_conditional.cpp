// SPDX-License-Identifier: Apache-2.0
//
// Digits on demand: a conditional GAN is told which digit to draw.
//
// The picture is a grid of class × latent: each row is one digit, each column one latent, so that a column shows what the latent says
// besides the class, such as slant and weight. --kind chooses how the players are told the class:
//
//   acgan        the class beside the latent; the discriminator has to name it as well, and the generator to draw so that it can
//   concat       the class beside the latent and beside the image's pixels: the first conditional GAN
//   class_normal latents around a mean of their class, and the class beside the image's pixels as for concat
//   projection   normalisation with a scale and a shift for each class, and a discriminator that projects on a vector of the class
//   infogan      nobody is told any class: codes of 10 categories that the discriminator has to find again, which often become digits
//
// A classifier, trained on the real digits meanwhile, says how many of 1,000 samples are of the digit that was asked for; of InfoGAN's,
// which numbers its classes as it likes, how many are of the digit that is the most frequent in their row.
#include <array>
#include <iostream>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/classifier.hpp"
#include "support/devices.hpp"
#include "support/progress.hpp"

namespace {

using namespace nash;
constexpr index_t classes = 10, columns = 8;

/// latent → hidden → 7×7 → 14×14 → 28×28, with normalisation that knows the class, or after the class was put beside the latent.
template <class Norm>
auto generator_body(index_t inputs, index_t width, index_t hidden, const Norm& norm) {
  const DenseOptions dense{.bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions grow{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  return Sequential{Dense{inputs, hidden, dense}, norm(hidden), ReLU{}, Dense{hidden, 7 * 7 * 2 * width, dense}, Reshape{7, 7, 2 * width},
                    norm(2 * width), ReLU{}, ConvTranspose2d{2 * width, width, grow}, norm(width), ReLU{}, ConvTranspose2d{width, 1, grow}, Tanh{}};
}
const auto plain_norm = [](index_t channels) { return BatchNorm{channels, {.init = Init::normal(0.02, 1)}}; };

/// The same for a projection discriminator, which has spectral norm in the place of BatchNorm. By itself that leads to samples of a class
/// that are all alike; likenesses within the batch show it to the discriminator.
auto projection_body(index_t width, index_t hidden) {
  constexpr index_t kernels = 4;
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .init = Init::he(0.2)};
  return spectral_normalise(Sequential{Conv2d{1, width, halve}, LeakyReLU{0.2}, Conv2d{width, 2 * width, halve}, LeakyReLU{0.2},
                                       Dense{7 * 7 * 2 * width, hidden, {.init = Init::he(0.2)}}, LeakyReLU{0.2},
                                       MinibatchDiscrimination{hidden, kernels}, ProjectionHead{hidden + kernels, classes}});
}

/// 28×28 → 14×14 → 7×7 → hidden → what the last layer makes of it.
template <class Last>
auto discriminator_body(index_t channels, index_t width, index_t hidden, Last last) {
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  return Sequential{Conv2d{channels, width, halve}, LeakyReLU{0.2}, Conv2d{width, 2 * width, halve}, plain_norm(2 * width), LeakyReLU{0.2},
                    Dense{7 * 7 * 2 * width, hidden, {.init = Init::dcgan()}}, plain_norm(hidden), LeakyReLU{0.2}, std::move(last)};
}

/// Samples of every class, `each` of one, from as many latents, which are the same for all classes.
template <class Trainer>
Tensor<float> samples_of_every_class(Trainer& trainer, index_t each, std::uint64_t seed) {
  Tensor<float> samples;
  convert(ClassGrid(trainer.context(), trainer.generator(), RandomStream(seed), each).samples(trainer.context(), trainer.sampling_generator()), samples);
  return samples;
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/mnist_conditional", kind = "acgan", device = "cpu";
  std::int64_t steps = 1200, batch_size = 64, width = 32, hidden = 512, latent = 62, classifier_steps = 600;
  std::uint64_t seed = 1;
  double learning_rate = 1e-3, average = 0.99;
  example::Arguments arguments("Trains a conditional GAN on digits with labels (IDX files) and draws each digit from the same latents.");
  arguments.option("--data", data, "folder with train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz]")
      .option("--out", out, "folder for the picture and the generator")
      .option("--device", device, "what the GAN is trained on: cpu, or cuda where this was built with NASH_CUDA")
      .option("--kind", kind, "acgan, concat, class_normal, projection or infogan")
      .option("--seed", seed, "of everything that is random")
      .option("--steps", steps, "training steps")
      .option("--batch-size", batch_size, "real images a step")
      .option("--width", width, "channels at 14×14")
      .option("--hidden", hidden, "units of the fully connected layers")
      .option("--latent", latent, "random numbers besides the class")
      .option("--learning-rate", learning_rate, "of both players")
      .option("--average", average, "decay of the generator's moving average, which the picture is drawn from")
      .option("--classifier-steps", classifier_steps, "of training the classifier that judges the samples");

  return arguments.run(argc, argv, [&] {
    example::require_at_least(1, static_cast<double>(steps), "--steps", "train for some steps");
    example::require_at_least(1, static_cast<double>(classifier_steps), "--classifier-steps", "train it for some steps");
    example::with_device(device, [&](auto chosen) {
      using Device = decltype(chosen);
      Loader<float, Device> loader{example::load_labelled_digits(data), {.batch_size = batch_size, .seed = seed}};
      std::cout << loader.dataset().size() << " images from " << data << '\n';
      const std::filesystem::path picture = std::filesystem::path(out) / "classes.png";

      const auto play = [&](auto loss, const auto& generator, const auto& discriminator, auto... methods) {
        const Adam adam{.learning_rate = learning_rate};
        GanTrainer trainer{generator.template to<float, Device>(), discriminator.template to<float, Device>(), loss,
                           {.seed = seed, .generator = adam, .discriminator = adam, .average_decay = average}, methods...};
        const auto draw = [&] { write_png(picture, enlarge(image_grid(samples_of_every_class(trainer, columns, seed), {.columns = columns}), 2)); };
        draw();  // where no picture can be written, this says so before the training
        for (const auto player : {Player::generator, Player::discriminator})
          trainer.set_schedule(player, LinearDecay{.begin = steps / 2, .end = steps, .final_factor = 0.05});
        example::watch_for_interrupt();
        example::Progress progress(steps, batch_size);
        for (index_t step = 0; step < steps && !example::interrupted(); ++step) progress.show(trainer.step(loader.next()));
        progress.finish();
        draw();
        save_network(std::filesystem::path(out) / "generator.safetensors", trainer.sampling_generator());
        std::cout << "Picture: " << picture.string() << '\n';

        Context<> host;  // for the classifier, which is small
        auto classifier = example::make_digit_classifier();
        classifier.initialise(seed);
        example::train_classifier(host, classifier, loader.dataset(), {.steps = classifier_steps, .batch_size = batch_size, .seed = seed},
                                  [](index_t) {});
        Tensor<float> logits;
        const Tensor<float> samples = samples_of_every_class(trainer, 100, seed + 1);
        classifier.forward({host, Mode::infer}, samples, logits, nullptr);
        std::array<std::array<index_t, classes>, classes> found{};
        for (index_t i = 0; i < 100 * classes; ++i)
          ++found[static_cast<std::size_t>(i / 100)][static_cast<std::size_t>(example::most_probable(logits, i, 0, classes))];
        index_t right = 0;
        for (std::size_t k = 0; k < classes; ++k) right += kind == "infogan" ? *std::max_element(found[k].begin(), found[k].end()) : found[k][k];
        std::cout << "Of 1000 samples " << right << (kind == "infogan" ? " are of the most frequent digit of their row.\n" : " are of the digit that was asked for.\n");
      };

      const auto conditional_norm = [](index_t channels) { return ConditionalBatchNorm{classes, channels, {.init = Init::normal(0.02, 1)}}; };
      const auto told_beside_pixels = [&] {
        return Discriminator{Sequential{ConditionalConcat{classes}, discriminator_body(1 + classes, width, hidden, Dense{hidden, 1, {.init = Init::dcgan()}})}};
      };
      if (kind == "projection") {
        play(Hinge{}, Generator{Latent::normal(latent), generator_body(latent, width, hidden, conditional_norm)},
             Discriminator{projection_body(width, hidden)});
      } else if (kind == "concat") {
        play(NonSaturating{}, Generator{Latent::normal(latent), Sequential{ConditionalConcat{classes}, generator_body(latent + classes, width, hidden, plain_norm)}},
             told_beside_pixels());
      } else if (kind == "class_normal") {
        play(NonSaturating{}, Generator{Latent::class_normal(latent, classes), generator_body(latent, width, hidden, plain_norm)}, told_beside_pixels());
      } else if (kind == "acgan") {
        play(NonSaturating{}, Generator{Latent::normal(latent), Sequential{ConditionalConcat{classes}, generator_body(latent + classes, width, hidden, plain_norm)}},
             Discriminator{discriminator_body(1, width, hidden, Dense{hidden, 1 + classes, {.init = Init::dcgan()}})}, AuxiliaryClassifier{});
      } else if (kind == "infogan") {
        const Latent codes = Latent::normal(latent).with_category(classes).with_continuous(2);
        play(NonSaturating{}, Generator{codes, generator_body(codes.size(), width, hidden, plain_norm)},
             Discriminator{discriminator_body(1, width, hidden, Dense{hidden, 1 + classes + 2, {.init = Init::dcgan()}})}, Infogan{});
      } else {
        throw DataError("--kind", "acgan, concat, class_normal, projection or infogan", "'" + kind + "'", "choose one of these");
      }
    });
  });
}
