// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/softmax.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// y[n, 0] := log Σ exp x, y[n, 1 + k] := x[n, k]; of a tangent Σ p·ẋ and ẋ
template <class T, bool is_tangent>
struct PrependLogSum {
  SoftmaxRows<T> of;
  const T* from;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / (1 + of.classes), column = i % (1 + of.classes);
    if (column > 0)
      y[i] = from[n * of.classes + column - 1];
    else
      y[i] = static_cast<T>(is_tangent ? of.mean_of(n, of.log_sum(n), from) : of.log_sum(n));
  }
};

/// dx[n, k] := dy[n, 1 + k] + p·dy[n, 0]
template <class T>
struct LogSumBackward {
  SoftmaxRows<T> of;
  const T* dy;
  T* dx;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / of.classes, row = n * (1 + of.classes);
    const double p = of.probability(n, i % of.classes, of.log_sum(n));
    dx[i] = static_cast<T>(static_cast<double>(dy[row + 1 + i % of.classes]) + p * static_cast<double>(dy[row]));
  }
};

/// x̄ += δ₀·p·(ẋ − Σ p·ẋ)
template <class T>
struct LogSumSecondOrder {
  SoftmaxRows<T> of;
  const T* tangent;
  const T* delta;
  T* x_bar;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / of.classes;
    const double log_sum = of.log_sum(n), centred = static_cast<double>(tangent[i]) - of.mean_of(n, log_sum, tangent);
    x_bar[i] += static_cast<T>(static_cast<double>(delta[n * (1 + of.classes)]) * of.probability(n, i % of.classes, log_sum) * centred);
  }
};

/// The last layer of a classifier that is a discriminator too: N×K class logits x → N×(1 + K), column 0 the adversarial logit log Σ exp x,
/// the others x. It is the (K + 1)-class softmax whose logit of the class "generated" is fixed to 0: σ(log Σ exp x) = Z/(Z + 1) with
/// Z = Σ exp x. Salimans et al. 2016, section 5.
template <class T = float, class D = Cpu>
class SemiSupervisedHead : public LayerDefaults<T, D> {
 public:
  static constexpr bool curved = true;

  NASH_COLD explicit SemiSupervisedHead(index_t classes) : classes_(classes) {
    require_at_least(1, classes, "SemiSupervisedHead", "a number of classes");
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 2 || x[1] != classes_)
      throw ShapeError("SemiSupervisedHead", concat({"N×", classes_, " class logits"}), x.text(), concat({"put a Dense{…, ", classes_, "} before it"}));
    return {x[0], 1 + classes_};
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    pointwise(pass.context, y.count(), PrependLogSum<T, false>{rows(x), x.data(), y.data()});
  }
  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>*) const {
    if (dx == nullptr) return;
    dx->resize(x.shape());
    pointwise(pass.context, x.count(), LogSumBackward<T>{rows(x), dy.data(), dx->data()});
  }
  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    pointwise(pass.context, y.count(), PrependLogSum<T, true>{rows(x), x_tangent.data(), y_tangent.data()});
  }
  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>*) const {
    if (x_bar == nullptr) return;
    pointwise(pass.context, x.count(), LogSumSecondOrder<T>{rows(x), x_tangent.data(), delta.data(), x_bar->data()});
  }

  template <class U, class E>
  SemiSupervisedHead<U, E> to() const {
    return SemiSupervisedHead<U, E>(classes_);
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("SemiSupervisedHead").set("classes", classes_); }
  static SemiSupervisedHead from(const LayerDescription& d) {
    d.allow({"classes"});
    return SemiSupervisedHead(d.size("classes"));
  }

 private:
  SoftmaxRows<T> rows(const Tensor<T, D>& x) const { return {x.data(), classes_, 0, classes_}; }

  index_t classes_;
};

}  // namespace nash
