// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/description.hpp"

/// The types of a network's layers, in order: "Dense ReLU Dense".
template <class Network>
std::string layers_of(const Network& network) {
  const nash::LayerDescription description = network.body().describe();
  std::string types;
  for (const auto& child : description.children()) types += (types.empty() ? "" : " ") + child.type();
  return types;
}

/// Samples of a fresh generator; checks their shape, and that all lie within [low, high] and are not all the same.
template <class G>
nash::Tensor<typename G::Scalar> check_samples(G generator, const nash::Shape& shape, double low, double high) {
  generator.initialise(1);
  nash::Context<nash::Cpu> context(1);
  const auto samples = generator.generate(context, nash::RandomStream(2), shape[0]);
  CHECK(samples.shape() == shape);
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  CHECK(static_cast<double>(*least) >= low);
  CHECK(static_cast<double>(*most) <= high);
  CHECK(*least < *most);
  return samples;
}

/// The logits of a fresh discriminator: finite, one a sample.
template <class D, class T>
void check_logits_of(D discriminator, const nash::Tensor<T>& samples) {
  discriminator.initialise(1);
  nash::Context<nash::Cpu> context(1);
  nash::Tensor<T> logits;
  discriminator.discriminate(context, samples, logits);
  CHECK(logits.shape() == nash::Shape{samples.shape()[0], 1});
  for (const T logit : logits) CHECK(std::isfinite(logit));
}
