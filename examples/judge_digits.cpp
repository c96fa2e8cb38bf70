// SPDX-License-Identifier: Apache-2.0
//
// Judges generators of digits: trains a classifier on real digits (or loads one), lets it look at 1,000 samples of each
// generator that mnist_dcgan left, and says how many it is sure of and which digits they are.
//
// A classifier is the same parts as a GAN in another order: layers, an optimiser, and a loss; see support/classifier.hpp.
#include <cmath>
#include <cstdio>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/judge.hpp"

namespace {

using nash::index_t;
constexpr index_t classes = 10;

using example::Classifier;

/// Softmax of each row, in place.
void softmax(nash::Tensor<float>& logits) {
  for (float* row = logits.begin(); row != logits.end(); row += classes) {
    const float largest = *std::max_element(row, row + classes);
    float total = 0;
    for (int c = 0; c < classes; ++c) total += row[c] = std::exp(row[c] - largest);
    for (int c = 0; c < classes; ++c) row[c] /= total;
  }
}

void judge(nash::Context<>& context, const Classifier& classifier, const std::string& path, std::int64_t latent, std::int64_t width, std::int64_t hidden,
           index_t samples, std::uint64_t seed) {
  auto generator = nash::dcgan28_dense_generator({.latent = latent, .width = width, .hidden = hidden});
  nash::load_network(path, generator);
  nash::Tensor<float> logits;
  const nash::Tensor<float> images = generator.generate(context, nash::RandomStream(seed), samples);
  classifier.forward({context, nash::Mode::infer}, images, logits, nullptr);
  softmax(logits);
  index_t sure = 0, count[classes] = {};
  for (index_t i = 0; i < samples; ++i) {
    const float* const row = logits.begin() + i * classes;
    const index_t digit = example::most_probable(logits, i, 0, classes);
    ++count[digit];
    sure += row[digit] >= 0.9f;
  }
  const auto percent = [&](index_t part) { return 100 * static_cast<double>(part) / static_cast<double>(samples); };
  std::printf("| %s | %.1f |", path.c_str(), percent(sure));
  for (const index_t found : count) std::printf(" %.1f |", percent(found));
  std::printf(" %.1f |\n", percent(*std::min_element(count, count + classes)));
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), weights = "runs/judge.safetensors";
  std::vector<std::string> generators;
  std::int64_t epochs = 6, held_out = 1000, samples = 1000, latent = 100, width = 32, hidden = 1024;
  std::uint64_t seed = 1;
  example::Arguments arguments("Trains a classifier of digits and lets it judge generators saved by mnist_dcgan.");
  arguments.option("--data", data, "folder with digits and labels (IDX files)")
      .option("--classifier", weights, "file that the classifier is loaded from, or saved to where it is missing")
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
    const example::Split split = example::load_split(data, held_out);
    const index_t in_an_epoch = split.training.size() / 64;
    const Classifier classifier = example::load_or_train_classifier(context, weights, split, {.steps = epochs * in_an_epoch, .seed = seed}, [&](index_t step) {
      if (step % in_an_epoch == 0)
        std::printf("classifier: epoch %lld of %lld\n", static_cast<long long>(step / in_an_epoch), static_cast<long long>(epochs));
    });
    std::printf("classifier: %.2f %% of %lld held-out digits right\n", 100 * example::accuracy(context, classifier, split.testing),
                static_cast<long long>(held_out));
    std::printf("| generator | sure (p ≥ 0.9) %% | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | rarest %% |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const std::string& generator : generators) judge(context, classifier, generator, latent, width, hidden, samples, seed);
  });
}
