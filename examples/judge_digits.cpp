// SPDX-License-Identifier: Apache-2.0
//
// Judges generators of digits: trains a classifier on real digits (or loads one), lets it look at 1,000 samples of each
// generator that mnist_dcgan left, and says how many it is sure of and which digits they are.
//
// With --out it looks at one generator more closely, and leaves two pictures:
//
//   path.png         latents on the way from one to another, in pairs of rows: along a line, and along the great circle through both. The
//                    table says of how many samples the classifier is sure at each place of many such paths.
//   neighbours.png   samples, and below each the training digits nearest to it: eight samples as they come, then the eight of all that are
//                    nearest to a training digit. Copies would lie much nearer to theirs than held-out digits, which nobody was shown, do.
//                    Train by mnist_dcgan --held-out 1000, so that the generator has not seen these either.
//
// A classifier is the same parts as a GAN in another order: layers, an optimiser, and a loss; see support/classifier.hpp.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/judge.hpp"

namespace {

using nash::index_t;
constexpr index_t classes = 10, pixels_of_one = 28 * 28;

using example::Classifier;
using Generator = decltype(nash::dcgan28_dense_generator());

/// Softmax of each row, in place.
void softmax(nash::Tensor<float>& logits) {
  for (float* row = logits.begin(); row != logits.end(); row += classes) {
    const float largest = *std::max_element(row, row + classes);
    float total = 0;
    for (int c = 0; c < classes; ++c) total += row[c] = std::exp(row[c] - largest);
    for (int c = 0; c < classes; ++c) row[c] /= total;
  }
}

/// What a classifier says of images: the probabilities of the classes, a row an image.
nash::Tensor<float> probabilities(nash::Context<>& context, const Classifier& classifier, const nash::Tensor<float>& images) {
  nash::Tensor<float> logits;
  classifier.forward({context, nash::Mode::infer}, images, logits, nullptr);
  softmax(logits);
  return logits;
}

/// Whether a classifier gives an image's most probable class at least 0.9.
bool is_sure(const nash::Tensor<float>& probabilities, index_t image) {
  return probabilities.begin()[image * classes + example::most_probable(probabilities, image, 0, classes)] >= 0.9f;
}

double percent(index_t part, index_t whole) { return 100 * static_cast<double>(part) / static_cast<double>(whole); }

void judge(nash::Context<>& context, const Classifier& classifier, const std::string& path, const Generator& generator, index_t samples, std::uint64_t seed) {
  const nash::Tensor<float> found = probabilities(context, classifier, generator.generate(context, nash::RandomStream(seed), samples));
  index_t sure = 0, count[classes] = {};
  for (index_t i = 0; i < samples; ++i) {
    ++count[example::most_probable(found, i, 0, classes)];
    sure += is_sure(found, i);
  }
  std::printf("| %s | %.1f |", path.c_str(), percent(sure, samples));
  for (const index_t own : count) std::printf(" %.1f |", percent(own, samples));
  std::printf(" %.1f |\n", percent(*std::min_element(count, count + classes), samples));
}

/// A picture of 28×28 images in rows.
void write_grid(const std::filesystem::path& path, const std::vector<float>& pixels, index_t columns) {
  const nash::Tensor<float> images(nash::Shape{static_cast<index_t>(pixels.size()) / pixels_of_one, 28, 28, 1}, pixels);
  write_png(path, enlarge(image_grid(images, {.columns = columns}), 2));
}

/// Samples on the way between `pairs` pairs of latents, by either interpolation.
void walk(nash::Context<>& context, const Classifier& classifier, const Generator& generator, index_t pairs, std::uint64_t seed, const std::filesystem::path& out) {
  using nash::Interpolation;
  constexpr index_t places = 9, shown = 3, at_once = 100;
  std::vector<float> rows_of[2];
  std::printf("\n| Sure (p ≥ 0.9) %% at t |");
  for (index_t t = 0; t < places; ++t) std::printf(" %g |", static_cast<double>(t) / static_cast<double>(places - 1));
  std::printf("\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto interpolation : {Interpolation::linear, Interpolation::spherical}) {
    const bool is_line = interpolation == Interpolation::linear;
    index_t sure[places] = {};
    for (index_t done = 0; done < pairs; done += at_once) {
      const index_t now = std::min(at_once, pairs - done);
      nash::Tensor<float> from, to, samples;
      const nash::RandomStream random(seed, static_cast<std::uint64_t>(done));  // the same ends for both
      generator.latent().draw(context, random.child(0), now, from);
      generator.latent().draw(context, random.child(1), now, to);
      generator.generate(context, interpolate(context, from, to, places, interpolation), samples);
      const nash::Tensor<float> found = probabilities(context, classifier, samples);
      for (index_t i = 0; i < now * places; ++i) sure[i % places] += is_sure(found, i);
      if (done == 0) rows_of[is_line].assign(samples.begin(), samples.begin() + std::min(shown, now) * places * pixels_of_one);
    }
    std::printf("| %s |", is_line ? "linear" : "spherical");
    for (const index_t own : sure) std::printf(" %.1f |", percent(own, pairs));
    std::printf("\n");
  }
  std::vector<float> picture;
  for (std::size_t row = 0; row < rows_of[0].size(); row += places * pixels_of_one)
    for (const bool is_line : {true, false}) {
      const auto begin = rows_of[is_line].begin() + static_cast<std::ptrdiff_t>(row);
      picture.insert(picture.end(), begin, begin + places * pixels_of_one);
    }
  write_grid(out / "path.png", picture, places);
}

/// How far samples lie from the training digits nearest to them, beside held-out digits.
void compare(nash::Context<>& context, const example::Split& split, const Generator& generator, index_t count, std::uint64_t seed, const std::filesystem::path& out) {
  constexpr index_t neighbours = 3, of_a_kind = 8;
  const nash::Tensor<float> samples = generator.generate(context, nash::RandomStream(seed), count);
  nash::Loader held_out{split.testing, {.batch_size = std::min(count, split.testing.size()), .shuffle = false}};
  nash::NearestNeighbours of_samples(samples, neighbours), of_held_out(held_out.next().images);
  nash::Loader training{split.training, {.batch_size = std::min<index_t>(100, split.training.size()), .last_batch = nash::LastBatch::keep, .shuffle = false}};
  for (const nash::Batch<>& batch : training) of_samples.add(context, batch.images), of_held_out.add(context, batch.images);

  const auto distance = [&](index_t i) { return of_samples.of(i).front().distance; };
  const auto line = [](const char* what, index_t images, const auto& of) {
    double total = 0, least = of(0);
    for (index_t i = 0; i < images; ++i) total += of(i), least = std::min(least, of(i));
    std::printf("| %s | %.2f | %.2f |\n", what, total / static_cast<double>(images), least);
  };
  std::printf("\n| Distance to the nearest of %lld training digits | mean | least |\n|---|---|---|\n", static_cast<long long>(of_samples.seen()));
  line("samples", count, distance);
  line("held-out digits", held_out.options().batch_size, [&](index_t i) { return of_held_out.of(i).front().distance; });

  std::vector<index_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), index_t{0});
  std::vector<index_t> shown(order.begin(), order.begin() + std::min(of_a_kind, count));
  std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) { return distance(a) < distance(b); });
  shown.insert(shown.end(), order.begin(), order.begin() + std::min(of_a_kind, count));
  std::vector<float> picture;
  for (const index_t i : shown) picture.insert(picture.end(), samples.begin() + i * pixels_of_one, samples.begin() + (i + 1) * pixels_of_one);
  for (index_t k = 0; k < std::min(neighbours, split.training.size()); ++k)
    for (const index_t i : shown)
      for (const std::uint8_t pixel : split.training.image(of_samples.of(i)[static_cast<std::size_t>(k)].index)) picture.push_back(static_cast<float>(pixel) / 127.5f - 1);
  write_grid(out / "neighbours.png", picture, static_cast<index_t>(shown.size()));
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), weights = "runs/judge.safetensors", out;
  std::vector<std::string> generators;
  std::int64_t epochs = 6, held_out = 1000, samples = 1000, latent = 100, width = 32, hidden = 1024;
  std::uint64_t seed = 1;
  example::Arguments arguments("Trains a classifier of digits and lets it judge generators saved by mnist_dcgan.");
  arguments.option("--data", data, "folder with digits and labels (IDX files)")
      .option("--classifier", weights, "file that the classifier is loaded from, or saved to where it is missing")
      .option("--out", out, "folder for pictures of paths between latents and of nearest training digits, of one generator; none: no pictures")
      .option("--epochs", epochs, "of training the classifier")
      .option("--held-out", held_out, "the last digits, kept from training and used to measure its accuracy")
      .option("--samples", samples, "of each generator")
      .option("--latent", latent, "of the generators")
      .option("--width", width, "of the generators")
      .option("--hidden", hidden, "of the generators")
      .option("--seed", seed, "of the classifier and of the samples")
      .positional("generators", generators, "generator.safetensors files");

  return arguments.run(argc, argv, [&] {
    nash::Context<> context;
    example::require_at_least(1, static_cast<double>(epochs), "--epochs", "ask for some");
    example::require_at_least(1, static_cast<double>(samples), "--samples", "ask for some");
    if (!out.empty() && generators.size() != 1)
      throw nash::DataError("--out", "one generator", nash::concat({generators.size()}), "look at one at a time, each with a folder of its own");
    if (!out.empty()) (void)nash::AtomicFile(std::filesystem::path(out) / "path.png");  // where it cannot be written, this says so before the training
    const example::Split split = example::load_split(data, held_out);
    const index_t in_an_epoch = split.training.size() / 64;
    const Classifier classifier = example::load_or_train_classifier(context, weights, split, {.steps = epochs * in_an_epoch, .seed = seed}, [&](index_t step) {
      if (step % in_an_epoch == 0)
        std::printf("classifier: epoch %lld of %lld\n", static_cast<long long>(step / in_an_epoch), static_cast<long long>(epochs));
    });
    std::printf("classifier: %.2f %% of %lld held-out digits right\n", 100 * example::accuracy(context, classifier, split.testing),
                static_cast<long long>(held_out));
    std::printf("| generator | sure (p ≥ 0.9) %% | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | rarest %% |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const std::string& path : generators) {
      auto generator = nash::dcgan28_dense_generator({.latent = latent, .width = width, .hidden = hidden});
      nash::load_network(path, generator);
      judge(context, classifier, path, generator, samples, seed);
      if (out.empty()) continue;
      walk(context, classifier, generator, samples, seed, out);
      compare(context, split, generator, samples, seed, out);
    }
  });
}
