// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/any_layer.hpp"
#include "nash/nn/chain.hpp"
#include "nash/nn/standard_fusions.hpp"

namespace nash {

/// Layers one after the other, put together at run time. See LayerRegistry for building one from a description.
template <class T = float, class D = Cpu>
class AnySequential : public Chain<T, D> {
  using Base = Chain<T, D>;

 public:
  using typename Base::Saved;
  static constexpr bool curved = true;  // not known here: ask traits()

  /// Throws ShapeError unless there is a layer.
  explicit AnySequential(std::vector<AnyLayer<T, D>> layers) {
    if (layers.empty()) throw ShapeError("AnySequential", "at least one layer", "none", "add a layer to the description");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const LayerTable<T, D>* const next = i + 1 < layers.size() ? layers[i + 1].table() : nullptr;
      this->add(std::move(layers[i]).value(), layers[i].table(), standard_fusion(layers[i].table(), next));
    }
  }

  /// Copies of the layers.
  NASH_COLD std::vector<AnyLayer<T, D>> layers() const {
    std::vector<AnyLayer<T, D>> copies;
    for (const auto& link : this->links()) copies.emplace_back(link.layer, link.table);
    return copies;
  }

  // Each layer is asked for its second order when it happens.
  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    Base::tangent(nullptr, pass, x, y, saved, x_tangent, y_tangent);
  }
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    Base::tangent_backward(nullptr, pass, x, y, saved, x_tangent, delta, x_bar, grads);
  }
};

}  // namespace nash
