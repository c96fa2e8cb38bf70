// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/fusion.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/sigmoid.hpp"
#include "nash/nn/softplus.hpp"
#include "nash/nn/tanh.hpp"

namespace nash {

/// The Fusion of a first layer of this type and a second one of any of nash's activations; null for another second one.
template <class First, class T = typename First::Scalar, class D = typename First::Device>
const FusionTable<T, D>* fusion_with_activation(const LayerTable<T, D>* second) {
  const FusionTable<T, D>* found = nullptr;
  const auto look = [&]<class A>(std::type_identity<A>) {
    if (second == &second_order_table<A>) found = fusion_table<First, A>();
  };
  look(std::type_identity<LeakyReLU<T, D>>{});
  look(std::type_identity<ReLU<T, D>>{});
  look(std::type_identity<Sigmoid<T, D>>{});
  look(std::type_identity<Softplus<T, D>>{});
  look(std::type_identity<Tanh<T, D>>{});
  return found;
}

/// The Fusion of two layers that AnyLayers hold, by their tables; null where nash has none of its own. Pairs of other layers,
/// which run as one in a Sequential, do not in an AnySequential.
template <class T, class D>
const FusionTable<T, D>* standard_fusion(const LayerTable<T, D>* first, const LayerTable<T, D>* second) {
  if (first == &second_order_table<BatchNorm<T, D>>) return fusion_with_activation<BatchNorm<T, D>>(second);
  if (first == &second_order_table<Conv2d<T, D>>) return fusion_with_activation<Conv2d<T, D>>(second);
  if (first == &second_order_table<ConvTranspose2d<T, D>>) return fusion_with_activation<ConvTranspose2d<T, D>>(second);
  if (first == &second_order_table<Dense<T, D>>) return fusion_with_activation<Dense<T, D>>(second);
  return nullptr;
}

}  // namespace nash
