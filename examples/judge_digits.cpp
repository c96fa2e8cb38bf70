// SPDX-License-Identifier: Apache-2.0
//
// Judges generators of digits: trains a classifier on real digits (or loads one), lets it look at 1,000 samples of each
// generator that mnist_dcgan left, and says how many it is sure of and which digits they are.
//
// A classifier is the same parts as a GAN in another order: layers, an optimiser, and a loss whose gradient we write down.
#include <cmath>
#include <cstdio>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"

namespace {

using nash::index_t;
constexpr index_t classes = 10;

auto make_classifier() {
  using namespace nash;
  const Conv2dOptions halve{.kernel = 5, .stride = 2, .padding = 2, .init = Init::he()};
  return Network{Sequential{Conv2d{1, 32, halve}, BatchNorm{32}, ReLU{}, Conv2d{32, 64, halve}, BatchNorm{64}, ReLU{}, Dropout{0.25},
                            Dense{7 * 7 * 64, 128, {.init = Init::he()}}, BatchNorm{128}, ReLU{}, Dropout{0.5}, Dense{128, classes}},
                 "Classifier"};
}
using Classifier = decltype(make_classifier());

/// Digits with a label from 0 to 9 each, of which the last are held out.
struct Split {
  nash::Dataset training, testing;

  Split(const nash::Dataset& digits, index_t held_out)
      : training(digits.slice(0, digits.size() - held_out)), testing(digits.slice(digits.size() - held_out, held_out)) {}

  /// What a classifier's file says of the split that it was trained on: an accuracy means something on that one alone.
  nash::Metadata metadata() const {
    std::uint64_t sum = 0xcbf29ce484222325;  // FNV-1a, 64 bits
    const auto add = [&](std::uint8_t byte) { sum = (sum ^ byte) * 0x100000001b3; };
    for (const nash::Dataset* part : {&training, &testing})
      for (index_t i = 0; i < part->size(); ++i) {
        for (const std::uint8_t pixel : part->image(i)) add(pixel);
        add(static_cast<std::uint8_t>(part->label(i)));
      }
    return {{"judge.trained_on", text()}, {"judge.data_sum", nash::concat(sum)}, {"judge.held_out", nash::concat(testing.size())}};
  }

  /// "all but the last 100 of the 300 digits in data/train-images-idx3-ubyte"
  std::string text() const {
    return nash::concat("all but the last ", testing.size(), " of the ", training.size() + testing.size(), " digits in ", training.name());
  }
};

Split load_split(const std::string& data, index_t held_out) {
  const nash::Dataset digits = nash::load_idx_folder(data);
  if (!digits.has_labels())
    throw nash::DataError(digits.name(), "a label for each digit", "none", "put the file with the labels beside it, see scripts/fetch-mnist");
  if (digits.classes() > classes)
    throw nash::DataError(digits.name(), nash::concat("labels from 0 to ", classes - 1), nash::concat("a label of ", digits.classes() - 1),
                          "give digits, since this classifier knows nothing else");
  if (held_out < 1 || held_out >= digits.size())
    throw nash::DataError("--held-out", nash::concat("1 to ", digits.size() - 1), nash::concat(held_out), "keep some digits for training");
  return Split(digits, held_out);
}

/// A classifier from a file. Throws DataError where it was trained on another split.
void load_classifier(const std::string& path, const Split& split, Classifier& classifier) {
  const auto refuse = [&](const std::string& got) {
    throw nash::DataError(path, "a classifier trained on " + split.text(), got, "name another --classifier file, or remove this one to train anew");
  };
  const nash::Metadata wanted = split.metadata(), found = nash::load_safetensors<float>(path).metadata;
  const auto trained_on = found.find("judge.trained_on");
  if (trained_on == found.end()) refuse("one that does not say what it was trained on");
  for (const char* const key : {"judge.data_sum", "judge.held_out"})  // the folder may have another name by now
    if (!found.contains(key) || found.at(key) != wanted.at(key)) refuse("one trained on " + trained_on->second);
  nash::load_network(path, classifier);
}

/// Softmax of each row, in place.
void softmax(nash::Tensor<float>& logits) {
  for (float* row = logits.begin(); row != logits.end(); row += classes) {
    const float largest = *std::max_element(row, row + classes);
    float total = 0;
    for (int c = 0; c < classes; ++c) total += row[c] = std::exp(row[c] - largest);
    for (int c = 0; c < classes; ++c) row[c] /= total;
  }
}

index_t most_probable(const float* row) { return std::max_element(row, row + classes) - row; }

/// The share of the images that the classifier names rightly.
double accuracy(nash::Context<>& context, const Classifier& classifier, const nash::Dataset& dataset) {
  nash::Loader loader{dataset, {.batch_size = 100, .last_batch = nash::LastBatch::keep, .shuffle = false}};
  nash::Tensor<float> logits;
  index_t right = 0;
  for (const nash::Batch<>& batch : loader) {
    classifier.forward({context, nash::Mode::infer}, batch.images, logits, nullptr);
    for (index_t i = 0; i < batch.images.shape()[0]; ++i)
      right += most_probable(logits.begin() + i * classes) == batch.labels[static_cast<std::size_t>(i)];
  }
  return static_cast<double>(right) / static_cast<double>(dataset.size());
}

/// Adam on the cross-entropy, whose gradient with respect to the logits is softmax − one-hot, with a decaying rate.
void train(nash::Context<>& context, Classifier& classifier, const nash::Dataset& dataset, index_t epochs, std::uint64_t seed) {
  nash::Loader loader{dataset, {.batch_size = 64, .seed = seed}};
  nash::Optimizer<float, nash::Cpu> optimizer(nash::Adam{.learning_rate = 1e-3, .beta1 = 0.9}, classifier.parameters().count());
  const nash::LinearDecay schedule{.begin = 0, .end = epochs * loader.batches_per_epoch()};
  auto gradients = nash::Tensor<float>::zeros(classifier.parameters().shape());
  nash::Gradients<float, nash::Cpu> places(gradients);
  Classifier::Saved saved;
  nash::Tensor<float> logits;
  for (index_t step = 0; step < schedule.end; ++step) {
    const nash::Batch<>& batch = loader.next();
    const nash::Pass<nash::Cpu> pass{context, nash::Mode::train, nash::RandomStream(seed, static_cast<std::uint64_t>(step))};
    std::fill(gradients.begin(), gradients.end(), 0.0f);
    classifier.forward(pass, batch.images, logits, &saved);
    nash::Tensor<float> d_logits = logits;
    softmax(d_logits);
    const index_t samples = logits.shape()[0];
    for (index_t i = 0; i < samples; ++i) d_logits[i * classes + batch.labels[static_cast<std::size_t>(i)]] -= 1;
    for (float& value : d_logits) value /= static_cast<float>(samples);
    classifier.backward(pass, batch.images, logits, saved, d_logits, nullptr, &places);
    classifier.commit(context, saved);
    optimizer.step(context, classifier.parameters(), gradients, schedule(step));
    if ((step + 1) % loader.batches_per_epoch() == 0)
      std::printf("classifier: epoch %lld of %lld\n", static_cast<long long>((step + 1) / loader.batches_per_epoch()),
                  static_cast<long long>(epochs));
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
    const index_t digit = most_probable(row);
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
    const Split split = load_split(data, held_out);
    Classifier classifier = make_classifier();
    if (std::filesystem::exists(weights)) {
      load_classifier(weights, split, classifier);
    } else {
      (void)nash::AtomicFile(weights);  // where it cannot be written, this says so before the training
      classifier.initialise(seed);
      train(context, classifier, split.training, epochs, seed);
      nash::save_network(weights, classifier, split.metadata());
    }
    std::printf("classifier: %.2f %% of %lld held-out digits right\n", 100 * accuracy(context, classifier, split.testing),
                static_cast<long long>(held_out));
    std::printf("| generator | sure (p ≥ 0.9) %% | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | rarest %% |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const std::string& generator : generators) judge(context, classifier, generator, latent, width, hidden, samples, seed);
  });
}
