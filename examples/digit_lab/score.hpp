// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <numeric>

#include "nash/nash.hpp"
#include "support/classifier.hpp"

namespace digit_lab {

using nash::index_t;

/// What a classifier of real digits says of samples: see digit_lab.cpp.
struct Score {
  double sure = 0, rarest = 0;
  index_t classes = 0;
};

template <class Classifier, class Device = typename Classifier::Device>
Score judge(nash::Context<Device>& context, const Classifier& classifier, const nash::Tensor<float, Device>& samples) {
  constexpr index_t classes = 10;
  nash::Tensor<float, Device> given;
  nash::Tensor<float> logits;
  classifier.forward({context, nash::Mode::infer}, samples, given, nullptr);
  convert(given, logits);
  std::array<index_t, classes> count{};
  const index_t total = samples.shape()[0];
  for (index_t i = 0; i < total; ++i) {
    const float* const own = logits.begin() + i * classes;
    const index_t digit = example::most_probable(logits, i, 0, classes);
    double sum = 0;
    for (index_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(own[k]) - static_cast<double>(own[digit]));
    if (1 / sum >= 0.9) ++count[static_cast<std::size_t>(digit)];
  }
  const auto share = [&](index_t part) { return static_cast<double>(part) / static_cast<double>(total); };
  return {share(std::accumulate(count.begin(), count.end(), index_t{0})), share(*std::min_element(count.begin(), count.end())),
          std::count_if(count.begin(), count.end(), [&](index_t own) { return share(own) > 0.02; })};
}

}  // namespace digit_lab
