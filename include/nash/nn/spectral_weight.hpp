// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/device_scalar.hpp"
#include "nash/kernels/host.hpp"
#include "nash/nn/parameter.hpp"

namespace nash {

/// y := x / max(‖x‖, 10⁻¹²), given ‖x‖²
template <class T, class Device>
struct DivideByNorm {
  DeviceScalar<double, Device> square;
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const double norm = std::sqrt(square());
    y[i] = static_cast<T>(static_cast<double>(x[i]) / (norm < 1e-12 ? 1e-12 : norm));
  }
};

/// scales := (σ, 1/σ), or (0, 0)
template <class Device>
struct KeepSigma {
  DeviceScalar<double, Device> sigma;
  double* scales;
  NASH_HOST_DEVICE void operator()(index_t) const {
    scales[0] = sigma();
    scales[1] = sigma() != 0 ? 1 / sigma() : 0;
  }
};

/// y := factor·x
template <class T, class Device>
struct ScaleByScalar {
  DeviceScalar<double, Device> factor;
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = static_cast<T>(factor()) * x[i]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.writes(self.y);
  }
};

/// gradient += (d − ⟨d, Ŵ⟩·u·vᵀ) / σ
template <class T, class Device>
struct SpectralGradient {
  const T* d;
  const T* u;
  const T* v;
  index_t columns;
  DeviceScalar<double, Device> inner, inverse_sigma;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    gradient[i] += static_cast<T>(inverse_sigma()) * (d[i] - static_cast<T>(inner()) * u[i / columns] * v[i % columns]);
  }
};

/// A weight matrix W that a layer reads as Ŵ = W/σ(W): σ(W) = uᵀ·W·v is its largest singular value by power iteration, u and v are constants
/// for the gradient. Miyato et al. 2018, equations 8, 12 and algorithm 1. W is kept here; Ŵ is the layer's own parameter, which the calls are given.
template <class T, class D>
class SpectralWeight {
 public:
  SpectralWeight() = default;
  /// Of what is the layer's weight so far.
  NASH_COLD explicit SpectralWeight(const Parameter<T, D>& weight)
      : weight_(weight), u_(Shape{rows()}, Init::normal(1)), v_(Shape{columns()}, Init::normal(1)) {}

  /// Moves u and v by this many power iterations, and Ŵ after them.
  NASH_COLD void refresh(Context<D>& context, int power_iterations, Parameter<T, D>& normalised) {
    T *const u = u_.value().data(), *const v = v_.value().data();
    for (int iteration = 0; iteration < power_iterations; ++iteration) {
      normalised_product(context, true, u, v);
      normalised_product(context, false, v, u);
    }
    restore(context, normalised);
  }

  /// σ and Ŵ from W, u and v as they are: after these were loaded or copied.
  NASH_COLD void restore(Context<D>& context, Parameter<T, D>& normalised) {
    const auto product = context.template scratch<T>(rows());
    multiply(context, false, v_.value().data(), product.data());
    const auto sigma = context.template scratch<double>(1);
    sum_into(context, rows(), Product<T>{product.data(), u_.value().data()}, sigma.data());
    pointwise(context, 1, KeepSigma<D>{DeviceScalar<double, D>(sigma.data()), scales_.data()});
    pointwise(context, weight_.count(), ScaleByScalar<T, D>{inverse_sigma(), weight_.data(), normalised.value().data()});
  }

  /// Calls run with gradients where that of Ŵ has a place of its own, and adds what it means for W:
  /// ∇_W = (∇_Ŵ − ⟨∇_Ŵ, Ŵ⟩·u·vᵀ) / σ, equation 12.
  template <class Function>
  void through(Context<D>& context, const Parameter<T, D>& normalised, Gradients<T, D>& grads, const Function& run) const {
    const index_t count = weight_.count();
    const auto gradient = context.template scratch<T>(count);
    pointwise(context, count, Fill<T>{gradient.data(), T{0}});
    Gradients<T, D> inner = grads.redirected(normalised, gradient.data());
    run(inner);
    const auto product = context.template scratch<double>(1);
    sum_into(context, count, Product<T>{gradient.data(), normalised.data()}, product.data());
    pointwise(context, count,
              SpectralGradient<T, D>{gradient.data(), u_.value().data(), v_.value().data(), columns(), DeviceScalar<double, D>(product.data()),
                                     inverse_sigma(), grads.of(weight_)});
  }

  /// The estimate of W's largest singular value at the last refresh.
  double sigma() const { return scales_.to_host()[0]; }

  Parameter<T, D>& weight() { return weight_; }
  const Parameter<T, D>& weight() const { return weight_; }
  Buffer<T, D>& u() { return u_; }
  const Buffer<T, D>& u() const { return u_; }
  Buffer<T, D>& v() { return v_; }
  const Buffer<T, D>& v() const { return v_; }

 private:
  index_t rows() const { return weight_.fans().rows; }
  index_t columns() const { return weight_.count() / rows(); }

  /// to := W·from, or Wᵀ·from
  void multiply(Context<D>& context, bool transposed, const T* from, T* to) const {
    const GemmGeometry geometry{.m = transposed ? columns() : rows(), .n = 1, .k = transposed ? rows() : columns(), .transpose_a = transposed};
    GemmKernels<D>::multiply(context, geometry, weight_.data(), from, to);
  }

  /// to := that, divided by its norm. All that lasts is written pointwise, so that a GPU can make it conditional.
  void normalised_product(Context<D>& context, bool transposed, const T* from, T* to) const {
    const index_t count = transposed ? columns() : rows();
    const auto product = context.template scratch<T>(count);
    const auto square = context.template scratch<double>(1);
    multiply(context, transposed, from, product.data());
    sum_into(context, count, Square<T>{product.data()}, square.data());
    pointwise(context, count, DivideByNorm<T, D>{DeviceScalar<double, D>(square.data()), product.data(), to});
  }
  DeviceScalar<double, D> inverse_sigma() const { return DeviceScalar<double, D>(scales_.data() + 1); }

  Parameter<T, D> weight_;  // W
  Buffer<T, D> u_, v_;
  Tensor<double, D> scales_ = Tensor<double, D>::filled(Shape{2}, 1);  // σ and 1/σ
};

}  // namespace nash
