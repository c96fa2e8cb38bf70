// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/data/idx_folder.hpp"
#include "nash/nash.hpp"

namespace example {

/// A convolutional classifier of digits, good for 98 to 99 % of the bundled ones.
inline auto make_digit_classifier() {
  using namespace nash;
  const Conv2dOptions halve{.kernel = 5, .stride = 2, .padding = 2, .init = Init::he()};
  return Network{Sequential{Conv2d{1, 32, halve}, BatchNorm{32}, ReLU{}, Conv2d{32, 64, halve}, BatchNorm{64}, ReLU{}, Dropout{0.25},
                            Dense{7 * 7 * 64, 128, {.init = Init::he()}}, BatchNorm{128}, ReLU{}, Dropout{0.5}, Dense{128, 10}},
                 "Classifier"};
}

/// How a network is trained to tell classes.
struct ClassifierTraining {
  nash::index_t steps;
  nash::index_t batch_size = 64;
  nash::index_t first = 0;   ///< the output that is the first class
  double learning_rate = 1e-3;
  std::uint64_t seed = 1;
};

/// Adam on the cross-entropy, with a decaying rate. After each step it calls after(step), counted from 1.
template <class Network, class Function>
void train_classifier(nash::Context<>& context, Network& network, const nash::Dataset& dataset, const ClassifierTraining& how, const Function& after) {
  nash::Loader loader{dataset, {.batch_size = how.batch_size, .seed = how.seed}};
  nash::Optimizer<float, nash::Cpu> optimizer(nash::Adam{.learning_rate = how.learning_rate, .beta1 = 0.9}, network.parameters().count());
  const nash::LinearDecay schedule{.begin = 0, .end = how.steps};
  auto gradients = nash::Tensor<float>::zeros(network.parameters().shape());
  nash::Gradients<float, nash::Cpu> places(gradients);
  typename Network::Saved saved;
  nash::Tensor<float> logits;
  for (nash::index_t step = 0; step < how.steps; ++step) {
    const nash::Batch<>& batch = loader.next();
    const nash::Pass<nash::Cpu> pass{context, nash::Mode::train, nash::RandomStream(how.seed, static_cast<std::uint64_t>(step))};
    std::fill(gradients.begin(), gradients.end(), 0.0f);
    network.forward(pass, batch.images, logits, &saved);
    auto d_logits = nash::Tensor<float>::zeros(logits.shape());
    nash::add_cross_entropy(context, 1, nash::LabelOfRow{batch.labels.data()}, how.first, dataset.classes(), logits, d_logits);
    network.backward(pass, batch.images, logits, saved, d_logits, nullptr, &places);
    network.commit(context, saved);
    optimizer.step(context, network.parameters(), gradients, schedule(step));
    after(step + 1);
  }
}

/// The most probable of `classes` outputs, counted from output `first` of a sample on.
inline nash::index_t most_probable(const nash::Tensor<float>& outputs, nash::index_t sample, nash::index_t first, nash::index_t classes) {
  const float* const row = outputs.begin() + sample * outputs.shape().channels() + first;
  return std::max_element(row, row + classes) - row;
}

/// The share of the images whose class a network names rightly, on the network's device.
template <class Network>
double accuracy(nash::Context<typename Network::Device>& context, const Network& network, const nash::Dataset& dataset, nash::index_t first = 0) {
  using Device = typename Network::Device;
  nash::Loader<float, Device> loader{dataset, {.batch_size = std::min<nash::index_t>(100, dataset.size()), .last_batch = nash::LastBatch::keep, .shuffle = false}};
  nash::Tensor<float, Device> outputs;
  nash::Tensor<float> on_host;
  nash::index_t right = 0;
  for (const auto& batch : loader) {
    network.forward({context, nash::Mode::infer}, batch.images, outputs, nullptr);
    convert(outputs, on_host);
    for (nash::index_t i = 0; i < batch.images.shape()[0]; ++i)
      right += most_probable(on_host, i, first, dataset.classes()) == batch.labels[static_cast<std::size_t>(i)];
  }
  return static_cast<double>(right) / static_cast<double>(dataset.size());
}

/// A folder of digits with a label from 0 to 9 for each. Throws DataError for anything else.
inline nash::Dataset load_labelled_digits(const std::string& data) {
  nash::Dataset digits = nash::load_idx_folder(data);
  if (!digits.has_labels())
    throw nash::DataError(digits.name(), "a label for each digit", "none", "put the file with the labels beside it, see scripts/fetch-mnist");
  if (digits.classes() > 10)
    throw nash::DataError(digits.name(), "labels from 0 to 9", nash::concat({"a label of ", digits.classes() - 1}),
                          "give digits, since nothing else is known here");
  return digits;
}

}  // namespace example
