// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"

namespace nash {

/// What all layers share that are linear in x and have nothing to train: y = A·x, so that dx = Aᵀ·dy and ẏ = A·ẋ. A derived layer supplies
/// output_shape(shape), and, for tensors that have their shapes already,
///
///     apply(context, x, y)                y := A·x
///     apply_transposed(context, dy, dx)   dx := Aᵀ·dy
template <class Derived, class T, class D>
class LinearMap : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = false, .output = false};

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(derived().output_shape(x.shape()));
    derived().apply(pass.context, x, y);
  }
  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                Gradients<T, D>*) const {
    if (dx == nullptr) return;
    dx->resize(x.shape());
    derived().apply_transposed(pass.context, dy, *dx);
  }
  void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    derived().apply(pass.context, x_tangent, y_tangent);
  }
  void tangent_backward(const Pass<D>&, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>&, const Tensor<T, D>&,
                        Tensor<T, D>*, Gradients<T, D>*) const {}

 private:
  const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

}  // namespace nash
