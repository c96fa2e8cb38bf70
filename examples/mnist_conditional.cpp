// SPDX-License-Identifier: Apache-2.0
//
// Digits on demand: a conditional GAN is told which digit to draw.
//
// The picture is a grid of class × latent: each row is one digit, each column one latent, so that a column shows what the latent says
// besides the class, such as slant and weight. --kind chooses how the players are told the class:
//
//   acgan        the class beside the latent; the discriminator has to name it as well, and the generator to draw so that it can
//   concat       the class beside the latent and beside the image's pixels: the first conditional GAN
//   embedding    a learned vector of the class beside the latent, and another beside the features of the discriminator's first layer
//   class_normal latents around a mean of their class, and the class beside the image's pixels as for concat
//   projection   normalisation with a scale and a shift for each class, and a discriminator that projects on a vector of the class
//   infogan      nobody is told any class: codes of 10 categories that the discriminator has to find again, which often become digits
//
// A classifier, trained on the real digits meanwhile, says how many of 1,000 samples are of the digit that was asked for; of InfoGAN's,
// which numbers its classes as it likes, how many are of the digit that is the most frequent in their row. How varied the samples of a
// class are, beside real digits, says whether they are more than one picture: a generator that has collapsed is easily right. InfoGAN's
// continuous codes have a picture of their own, codes.png, and correlations of each with the digits' slant and ink; its discriminator
// sees images under noise and weighs continuous codes more than by default, since they else hide in dots that nobody sees.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <span>
#include <utility>
#include <vector>

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

/// The same, told the class by a learned vector beside each pixel at 14×14.
auto embedding_body(index_t width, index_t hidden) {
  constexpr index_t values = 8;
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  return Sequential{Conv2d{1, width, halve}, LeakyReLU{0.2}, ConditionalConcat{classes, {.embedding = values}},
                    Conv2d{width + values, 2 * width, halve}, plain_norm(2 * width), LeakyReLU{0.2},
                    Dense{7 * 7 * 2 * width, hidden, {.init = Init::dcgan()}}, plain_norm(hidden), LeakyReLU{0.2}, Dense{hidden, 1, {.init = Init::dcgan()}}};
}

/// Samples of every class, `each` of one, from as many latents, which are the same for all classes.
template <class Trainer>
Tensor<float> samples_of_every_class(Trainer& trainer, index_t each, std::uint64_t seed) {
  Tensor<float> samples;
  convert(ClassGrid(trainer.context(), trainer.generator(), RandomStream(seed), each).samples(trainer.context(), trainer.sampling_generator()), samples);
  return samples;
}

/// The mean squared distance of images from the mean image of their class; `class_of` and `image` are functions of an image's index.
template <class ClassOf, class Image>
double spread(index_t count, const ClassOf& class_of, const Image& image) {
  std::array<std::vector<double>, classes> means;
  std::array<double, classes> counts{};
  const auto pixels = static_cast<std::size_t>(image(0).size());
  means.fill(std::vector<double>(pixels));
  for (index_t i = 0; i < count; ++i) {
    const auto of = image(i);
    std::vector<double>& mean = means[class_of(i)];
    ++counts[class_of(i)];
    for (std::size_t p = 0; p < pixels; ++p) mean[p] += of[p];
  }
  for (std::size_t k = 0; k < classes; ++k)
    for (double& value : means[k]) value /= std::max(1.0, counts[k]);
  double total = 0;
  for (index_t i = 0; i < count; ++i) {
    const auto of = image(i);
    const std::vector<double>& mean = means[class_of(i)];
    for (std::size_t p = 0; p < pixels; ++p) total += (of[p] - mean[p]) * (of[p] - mean[p]);
  }
  return total / static_cast<double>(count);
}

/// Samples of each category (a row) from one latent, with each continuous code in turn from −1 to 1 (columns).
template <class Trainer>
Tensor<float> samples_of_every_code(Trainer& trainer, index_t each, std::uint64_t seed) {
  const Latent& latent = trainer.generator().latent();
  Context<> host;
  Tensor<float> first;
  latent.draw(host, RandomStream(seed), 1, first);
  std::vector<float> rows;
  const index_t category = latent.first_code(), continuous = latent.size() - latent.continuous();
  for (index_t k = 0; k < classes; ++k)
    for (index_t code = 0; code < latent.continuous(); ++code)
      for (index_t i = 0; i < each; ++i) {
        std::vector<float> row = first.to_host();
        for (index_t j = category; j < latent.size(); ++j) row[static_cast<std::size_t>(j)] = j == category + k ? 1 : 0;
        row[static_cast<std::size_t>(continuous + code)] = -1 + 2 * static_cast<float>(i) / static_cast<float>(each - 1);
        rows.insert(rows.end(), row.begin(), row.end());
      }
  Tensor<float, typename Trainer::Device> latents({static_cast<index_t>(rows.size()) / latent.size(), latent.size()}), drawn;
  latents.assign_from_host(rows);
  trainer.sampling_generator().generate(trainer.context(), latents, drawn);
  Tensor<float> samples;
  convert(drawn, samples);
  return samples;
}

/// The ink of an image of −1 to 1, and its slant: by how many columns it moves to the left from one row to the next below.
std::pair<double, double> ink_and_slant(std::span<const float> image, index_t width) {
  double ink = 0, x_mean = 0, y_mean = 0, xy = 0, yy = 0;
  const auto each = [&](const auto& f) {
    for (std::size_t p = 0; p < image.size(); ++p)
      f((image[p] + 1) / 2.0, static_cast<double>(static_cast<index_t>(p) % width), static_cast<double>(static_cast<index_t>(p) / width));
  };
  each([&](double w, double x, double y) { ink += w, x_mean += w * x, y_mean += w * y; });
  if (ink <= 0) return {0, 0};
  x_mean /= ink, y_mean /= ink;
  each([&](double w, double x, double y) { xy += w * (x - x_mean) * (y - y_mean), yy += w * (y - y_mean) * (y - y_mean); });
  return {ink, yy > 0 ? -xy / yy : 0};
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double a_mean = 0, b_mean = 0, ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) a_mean += a[i] / static_cast<double>(a.size()), b_mean += b[i] / static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - a_mean) * (b[i] - b_mean);
    aa += (a[i] - a_mean) * (a[i] - a_mean), bb += (b[i] - b_mean) * (b[i] - b_mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

/// What goes with each continuous code: correlations over fresh samples.
template <class Trainer>
void describe_codes(Trainer& trainer, std::uint64_t seed) {
  constexpr index_t count = 1000;
  const Latent& latent = trainer.generator().latent();
  Tensor<float, typename Trainer::Device> latents, drawn;
  latent.draw(trainer.context(), RandomStream(seed), count, latents);
  trainer.sampling_generator().generate(trainer.context(), latents, drawn);
  const std::vector<float> z = latents.to_host(), pixels = drawn.to_host();
  std::vector<double> ink, slant;
  const auto size = static_cast<std::size_t>(drawn.shape().count_per_sample());
  for (std::size_t i = 0; i < count; ++i) {
    const auto [one_ink, one_slant] = ink_and_slant(std::span(pixels).subspan(i * size, size), drawn.shape()[2]);
    ink.push_back(one_ink), slant.push_back(one_slant);
  }
  for (index_t code = 0; code < latent.continuous(); ++code) {
    std::vector<double> values;
    for (index_t i = 0; i < count; ++i) values.push_back(z[static_cast<std::size_t>((i + 1) * latent.size() - latent.continuous() + code)]);
    std::cout << "Continuous code " << code + 1 << ": correlation with slant " << correlation(values, slant) << ", with ink " << correlation(values, ink) << '\n';
  }
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
      .option("--kind", kind, "acgan, concat, embedding, class_normal, projection or infogan")
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
        if (trainer.generator().latent().continuous() > 0) {
          constexpr index_t each = 7;
          const std::filesystem::path codes = std::filesystem::path(out) / "codes.png";
          write_png(codes, enlarge(image_grid(samples_of_every_code(trainer, each, seed), {.columns = each * trainer.generator().latent().continuous()}), 2));
          std::cout << "Picture: " << codes.string() << '\n';
          describe_codes(trainer, seed + 2);
        }

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

        const auto size = static_cast<std::size_t>(samples.shape().count_per_sample());
        const double drawn = spread(samples.shape()[0], [](index_t i) { return static_cast<std::size_t>(i / 100); },
                                    [&](index_t i) { return std::span(samples.data() + i * static_cast<index_t>(size), size); });
        const double real = spread(loader.dataset().size(), [&](index_t i) { return static_cast<std::size_t>(loader.dataset().label(i)); },
                                   [&](index_t i) { return loader.dataset().image(i); }) / (127.5 * 127.5);
        std::cout << "They lie " << std::lround(100 * std::sqrt(drawn / real)) << " % as far from the mean of their " << (kind == "infogan" ? "row" : "class") << " as real digits do from that of their class.\n";
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
      } else if (kind == "embedding") {
        constexpr index_t values = 16;
        play(NonSaturating{}, Generator{Latent::normal(latent), Sequential{ConditionalConcat{classes, {.embedding = values}},
                                                                           generator_body(latent + values, width, hidden, plain_norm)}},
             Discriminator{embedding_body(width, hidden)});
      } else if (kind == "class_normal") {
        play(NonSaturating{}, Generator{Latent::class_normal(latent, classes), generator_body(latent, width, hidden, plain_norm)}, told_beside_pixels());
      } else if (kind == "acgan") {
        play(NonSaturating{}, Generator{Latent::normal(latent), Sequential{ConditionalConcat{classes}, generator_body(latent + classes, width, hidden, plain_norm)}},
             Discriminator{discriminator_body(1, width, hidden, Dense{hidden, 1 + classes, {.init = Init::dcgan()}})}, AuxiliaryClassifier{});
      } else if (kind == "infogan") {
        const Latent codes = Latent::normal(latent).with_category(classes).with_continuous(2);
        play(NonSaturating{}, Generator{codes, generator_body(codes.size(), width, hidden, plain_norm)},
             Discriminator{discriminator_body(1, width, hidden, Dense{hidden, 1 + classes + 2, {.init = Init::dcgan()}})},
             Infogan{1, {.continuous_weight = 2}}, InstanceNoise{0.3});
      } else {
        throw DataError("--kind", "acgan, concat, embedding, class_normal, projection or infogan", "'" + kind + "'", "choose one of these");
      }
    });
  });
}
