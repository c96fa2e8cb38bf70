// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/io.hpp"
#include "nash/train/checkpoint.hpp"
#include "support/classifier.hpp"

namespace example {

using Classifier = decltype(make_digit_classifier());

/// Digits with a label from 0 to 9 each, of which the last are held out.
struct Split {
  nash::Dataset training, testing;

  Split(const nash::Dataset& digits, nash::index_t held_out)
      : training(digits.slice(0, digits.size() - held_out)), testing(digits.slice(digits.size() - held_out, held_out)) {}

  /// What a classifier's file says of the split that it was trained on: an accuracy means something on that one alone.
  nash::Metadata metadata() const {
    std::uint64_t sum = 0xcbf29ce484222325;  // FNV-1a, 64 bits
    const auto add = [&](std::uint8_t byte) { sum = (sum ^ byte) * 0x100000001b3; };
    for (const nash::Dataset* part : {&training, &testing})
      for (nash::index_t i = 0; i < part->size(); ++i) {
        for (const std::uint8_t pixel : part->image(i)) add(pixel);
        add(static_cast<std::uint8_t>(part->label(i)));
      }
    return {{"judge.trained_on", text()}, {"judge.data_sum", nash::concat({sum})}, {"judge.held_out", nash::concat({testing.size()})}};
  }

  /// "all but the last 100 of the 300 digits in data/train-images-idx3-ubyte"
  std::string text() const {
    return nash::concat({"all but the last ", testing.size(), " of the ", training.size() + testing.size(), " digits in ", training.name()});
  }
};

inline Split load_split(const std::string& data, nash::index_t held_out) {
  const nash::Dataset digits = load_labelled_digits(data);
  if (held_out < 1 || held_out >= digits.size())
    throw nash::DataError("--held-out", nash::concat({"1 to ", digits.size() - 1}), nash::concat({held_out}), "keep some digits for training");
  return Split(digits, held_out);
}

/// A classifier from a file. Throws DataError where it was trained on another split.
inline void load_classifier(const std::string& path, const Split& split, Classifier& classifier) {
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

/// The classifier of a file, or a fresh one that is trained and saved there; an empty path keeps it nowhere.
template <class Function>
Classifier load_or_train_classifier(nash::Context<>& context, const std::string& path, const Split& split, const ClassifierTraining& how,
                                    const Function& after) {
  Classifier classifier = make_digit_classifier();
  if (!path.empty() && std::filesystem::exists(path)) {
    load_classifier(path, split, classifier);
    return classifier;
  }
  if (!path.empty()) (void)nash::AtomicFile(path);  // where it cannot be written, this says so before the training
  classifier.initialise(how.seed);
  train_classifier(context, classifier, split.training, how, after);
  if (!path.empty()) nash::save_network(path, classifier, split.metadata());
  return classifier;
}

}  // namespace example
