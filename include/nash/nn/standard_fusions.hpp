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

/// The Fusion of two layers, one of which is a Layer and the other any of nash's activations, which comes first or second; null: none.
template <class Layer, bool activation_first, class T = typename Layer::Scalar, class D = typename Layer::Device>
const FusionTable<T, D>* fusion_with_activation(const LayerTable<T, D>* activation) {
  const FusionTable<T, D>* found = nullptr;
  const auto look = [&]<class A>(std::type_identity<A>) {
    if (activation != &second_order_table<A>) return;
    if constexpr (activation_first)
      found = fusion_table<A, Layer>();
    else
      found = fusion_table<Layer, A>();
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
  if (first == &second_order_table<BatchNorm<T, D>>) return fusion_with_activation<BatchNorm<T, D>, false>(second);
  const FusionTable<T, D>* found = nullptr;
  const auto look = [&]<class L>(std::type_identity<L>) {
    if (first == &second_order_table<L>) found = fusion_with_activation<L, false>(second);
    if (second == &second_order_table<L>) found = fusion_with_activation<L, true>(first);
  };
  look(std::type_identity<Conv2d<T, D>>{});
  look(std::type_identity<ConvTranspose2d<T, D>>{});
  look(std::type_identity<Dense<T, D>>{});
  return found;
}

}  // namespace nash
