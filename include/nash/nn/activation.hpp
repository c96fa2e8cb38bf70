// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/nn/layer.hpp"
#include "nash/nn/description.hpp"

namespace nash {

/// y := f(x)
template <class T, class Function>
struct Activate {
  Function f;
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = f.value(x[i]); }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.writes(self.y);
  }
};

/// y := f(y + bias), a bias for each column
template <class T, class Function>
struct ActivateWithBias {
  Function f;
  const T* bias;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t column) const { y[i] = f.value(y[i] + bias[column]); }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads_column(self.bias), visit.updates(self.y);
  }
};

/// out := f′·d, with f′ as a function of y
template <class T, class Function>
struct ActivationJacobian {
  Function f;
  const T* y;
  const T* d;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i) const { out[i] = f.slope(y[i]) * d[i]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.y), visit.reads(self.d), visit.writes(self.out);
  }
};

/// x̄ += f″·ẋ·δ, with f″ as a function of y
template <class T, class Function>
struct ActivationSecondOrder {
  Function f;
  const T* y;
  const T* tangent;
  const T* delta;
  T* x_bar;
  NASH_HOST_DEVICE void operator()(index_t i) const { x_bar[i] += f.curvature(y[i]) * tangent[i] * delta[i]; }
};

/// A function of each element whose derivatives can be told from its value: y = f(x), f′ = slope(y), f″ = curvature(y).
///
/// Function is a struct of T with NASH_HOST_DEVICE members value(x), slope(y) and, where it is curved, curvature(y).
/// Backward reads the output alone, so the layer may overwrite its input.
template <class Function, class T, class D>
class ActivationLayer : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = false, .output = true};
  static constexpr bool runs_in_place = true;
  static constexpr bool curved = requires(Function f, T y) { f.curvature(y); };

  Shape output_shape(const Shape& x) const { return x; }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(x.shape());
    pointwise(pass.context, x.count(), Activate<T, Function>{function_, x.data(), y.data()});
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& dy,
                          Tensor<T, D>* dx, Gradients<T, D>*) const {
    if (dx == nullptr) return;
    dx->resize(y.shape());
    pointwise(pass.context, y.count(), ActivationJacobian<T, Function>{function_, y.data(), dy.data(), dx->data()});
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, NoSaved& saved, const Tensor<T,
                         D>& x_tangent, Tensor<T, D>& y_tangent) const {
    backward(pass, x, y, saved, x_tangent, &y_tangent, nullptr);  // the Jacobian is diagonal
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T,
                                  D>& x_tangent, const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>*) const {
    if constexpr (curved)
      if (x_bar != nullptr)
        pointwise(pass.context, y.count(),
                  ActivationSecondOrder<T, Function>{function_, y.data(), x_tangent.data(), delta.data(), x_bar->data()});
  }

  const Function& function() const { return function_; }

 protected:
  explicit ActivationLayer(const Function& function) : function_(function) {}

 private:
  Function function_;
};

/// An activation without options: all that differs is the function, which has a static `name` too.
template <template <class, class> class Self, template <class> class Function, class T, class D>
class PlainActivation : public ActivationLayer<Function<T>, T, D> {
 public:
  PlainActivation() : ActivationLayer<Function<T>, T, D>({}) {}

  template <class U, class E>
  Self<U, E> to() const {
    return Self<U, E>{};
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription(Function<T>::name); }
  static Self<T, D> from(const LayerDescription& description) {
    description.allow({});
    return Self<T, D>{};
  }
};

}  // namespace nash
