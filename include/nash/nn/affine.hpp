// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/activation.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// What all layers y = W·x + b share, whatever W's structure: Dense, Conv2d, ConvTranspose2d.
///
/// A derived layer supplies the shape and three linear maps, on shapes that have been checked:
///
///     output_shape(shape)
///     multiply(context, x, w, bias, y, epilogue…)          y := W·x + b  (bias may be null; with the epilogue where there is one)
///     multiply_transposed(context, dy, w, dx, epilogue…)   dx := Wᵀ·dy, dx of the input's shape
///     accumulate_weights(context, x, dy, dw)               dw += ∇_w⟨dy, W·x⟩, or := where dw does not add
///
/// Everything else follows, the second order too: ⟨δ, W·ẋ⟩ is linear in W and does not depend on x or b.
template <class Derived, class T, class D>
class AffineLayer : public LayerDefaults<T, D> {
 public:
  static constexpr bool takes_epilogue = false;  ///< whether multiply and multiply_transposed pass an epilogue on

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(self().output_shape(x.shape()));
    self().multiply(pass.context, x, weight_.data(), bias_.data(), y);
  }

  /// forward, and a function of each result: y := f(W·x + b). While it is in a near cache, for devices whose kernels can; else in the pass
  /// that adds the bias.
  template <class Function>
  NASH_COLD void forward_then(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, const Function& f) const {
    y.resize(self().output_shape(x.shape()));
    if constexpr (AddsBiasApart<D>) {
      self().multiply(pass.context, x, weight_.data(), nullptr, y);
      if (bias_.present())
        pointwise_in_rows(pass.context, y.count() / bias_.count(), bias_.count(), ActivateWithBias<T, Function>{f, bias_.data(), y.data()});
      else
        pointwise(pass.context, y.count(), Activate<T, Function>{f, y.data(), y.data()});
    } else {
      const auto map = PointwiseKernels<D>::map(Activate<T, Function>{f, y.data(), y.data()});
      self().multiply(pass.context, x, weight_.data(), bias_.data(), y, PointwiseKernels<D>::epilogue(pass.context, y.data(), map));
    }
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy,
                          Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    if (dx != nullptr) {
      dx->resize(x.shape());
      self().multiply_transposed(pass.context, dy, weight_.data(), *dx);
    }
    accumulate(pass, x, dy, grads);
  }

  /// backward where x is what an activation f gives: dx := the cotangent of that activation's input, f′·Wᵀ·dy.
  template <class Function>
  NASH_COLD void backward_through(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& dy, Tensor<T, D>* dx, Gradients<T, D>* grads,
                                  const Function& f) const {
    if (dx != nullptr) {
      dx->resize(x.shape());
      const auto map = PointwiseKernels<D>::map(ActivationJacobian<T, Function>{f, x.data(), dx->data(), dx->data()});
      self().multiply_transposed(pass.context, dy, weight_.data(), *dx, PointwiseKernels<D>::epilogue(pass.context, dx->data(), map));
    }
    accumulate(pass, x, dy, grads);
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T,
                         D>& x_tangent, Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    self().multiply(pass.context, x_tangent, weight_.data(), nullptr, y_tangent);
  }

  /// The tangent of y = f(W·x + b): f′·W·ẋ.
  template <class Function>
  NASH_COLD void tangent_then(const Pass<D>& pass, const Tensor<T, D>& y, const Tensor<T, D>& x_tangent, Tensor<T, D>& y_tangent, const Function& f) const {
    y_tangent.resize(y.shape());
    const auto map = PointwiseKernels<D>::map(ActivationJacobian<T, Function>{f, y.data(), y_tangent.data(), y_tangent.data()});
    self().multiply(pass.context, x_tangent, weight_.data(), nullptr, y_tangent, PointwiseKernels<D>::epilogue(pass.context, y_tangent.data(), map));
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T,
                                  D>& x_tangent, const Tensor<T, D>& delta, Tensor<T, D>*, Gradients<T, D>* grads) const {
    if (grads != nullptr) self().accumulate_weights(pass.context, x_tangent, delta, grads->into(weight_));
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.weight_);
    if (self.bias_.present()) visit("bias", self.bias_);
  }

  static auto weights(auto& self) { return std::array{NamedWeight{"weight", &self.weight_}}; }

  Parameter<T, D>& weight() { return weight_; }
  const Parameter<T, D>& weight() const { return weight_; }
  Parameter<T, D>& bias() { return bias_; }
  const Parameter<T, D>& bias() const { return bias_; }

 protected:
  NASH_COLD AffineLayer(const Shape& weight_shape, const Init& init, const Fans& fans, index_t outputs, bool bias)
      : weight_(weight_shape, init, fans) {
    if (bias) bias_ = Parameter<T, D>(Shape{outputs}, Init::zeros());
  }

 private:
  /// grads += ∇_W, ∇_b
  NASH_COLD void accumulate(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& dy, Gradients<T, D>* grads) const {
    if (grads == nullptr) return;
    self().accumulate_weights(pass.context, x, dy, grads->into(weight_));
    if (!bias_.present()) return;
    const auto sum_into = [&](T* sums) { sum_columns(pass.context, dy.count() / bias_.count(), bias_.count(), ColumnValue<T>{dy.data()}, sums); };
    const GradientPlace<T> bias = grads->into(bias_);
    if (!bias.adds) return sum_into(bias.values);
    const auto sums = pass.context.template scratch<T>(bias_.count());
    sum_into(sums.data());
    pointwise(pass.context, bias_.count(), Accumulate<T>{sums.data(), bias.values});
  }

  const Derived& self() const { return static_cast<const Derived&>(*this); }

  Parameter<T, D> weight_;
  Parameter<T, D> bias_;
};

}  // namespace nash
