// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// The K class logits x of sample n: log Σ exp x without overflow, and p = softmax x.
template <class T>
struct ClassLogits {
  const T* x;
  index_t classes;
  NASH_HOST_DEVICE double log_sum(index_t n) const {
    const T* const row = x + n * classes;
    double largest = static_cast<double>(row[0]), total = 0;
    for (index_t k = 1; k < classes; ++k) largest = static_cast<double>(row[k]) > largest ? static_cast<double>(row[k]) : largest;
    for (index_t k = 0; k < classes; ++k) total += std::exp(static_cast<double>(row[k]) - largest);
    return largest + std::log(total);
  }
  NASH_HOST_DEVICE double probability(index_t i, double log_sum) const { return std::exp(static_cast<double>(x[i]) - log_sum); }
  /// Σ p·v
  NASH_HOST_DEVICE double mean_of(index_t n, double log_sum, const T* v) const {
    double total = 0;
    for (index_t i = n * classes; i < (n + 1) * classes; ++i) total += probability(i, log_sum) * static_cast<double>(v[i]);
    return total;
  }
};

/// y[n, 0] := log Σ exp x, y[n, 1 + k] := x[n, k]; of a tangent Σ p·ẋ and ẋ
template <class T, bool is_tangent>
struct PrependLogSum {
  ClassLogits<T> of;
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
  ClassLogits<T> of;
  const T* dy;
  T* dx;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / of.classes, row = n * (1 + of.classes);
    const double p = of.probability(i, of.log_sum(n));
    dx[i] = static_cast<T>(static_cast<double>(dy[row + 1 + i % of.classes]) + p * static_cast<double>(dy[row]));
  }
};

/// x̄ += δ₀·p·(ẋ − Σ p·ẋ)
template <class T>
struct LogSumSecondOrder {
  ClassLogits<T> of;
  const T* tangent;
  const T* delta;
  T* x_bar;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / of.classes;
    const double log_sum = of.log_sum(n), centred = static_cast<double>(tangent[i]) - of.mean_of(n, log_sum, tangent);
    x_bar[i] += static_cast<T>(static_cast<double>(delta[n * (1 + of.classes)]) * of.probability(i, log_sum) * centred);
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
      throw ShapeError("SemiSupervisedHead", concat("N×", classes_, " class logits"), x.text(), concat("put a Dense{…, ", classes_, "} before it"));
    return {x[0], 1 + classes_};
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    pointwise(pass.context, y.count(), PrependLogSum<T, false>{{x.data(), classes_}, x.data(), y.data()});
  }
  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>*) const {
    if (dx == nullptr) return;
    dx->resize(x.shape());
    pointwise(pass.context, x.count(), LogSumBackward<T>{{x.data(), classes_}, dy.data(), dx->data()});
  }
  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    pointwise(pass.context, y.count(), PrependLogSum<T, true>{{x.data(), classes_}, x_tangent.data(), y_tangent.data()});
  }
  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>*) const {
    if (x_bar == nullptr) return;
    pointwise(pass.context, x.count(), LogSumSecondOrder<T>{{x.data(), classes_}, x_tangent.data(), delta.data(), x_bar->data()});
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
  index_t classes_;
};

}  // namespace nash
