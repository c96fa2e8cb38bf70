// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/fusion.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/sigmoid.hpp"
#include "nash/nn/softplus.hpp"
#include "nash/nn/tanh.hpp"

namespace nash {

/// The Fusion of two layers that AnyLayers hold, by their tables; null where nash has none of its own: BatchNorm and any of
/// its activations. Pairs of other layers, which run as one in a Sequential, do not in an AnySequential.
template <class T, class D>
const FusionTable<T, D>* standard_fusion(const LayerTable<T, D>* first, const LayerTable<T, D>* second) {
  if (first != &second_order_table<BatchNorm<T, D>>) return nullptr;
  const FusionTable<T, D>* found = nullptr;
  const auto look = [&]<class A>(std::type_identity<A>) {
    if (second == &second_order_table<A>) found = fusion_table<BatchNorm<T, D>, A>();
  };
  look(std::type_identity<LeakyReLU<T, D>>{});
  look(std::type_identity<ReLU<T, D>>{});
  look(std::type_identity<Sigmoid<T, D>>{});
  look(std::type_identity<Softplus<T, D>>{});
  look(std::type_identity<Tanh<T, D>>{});
  return found;
}

}  // namespace nash
