// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/device_scalar.hpp"
#include "nash/nn/affine.hpp"
#include "nash/nn/description.hpp"

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

struct SpectralNormOptions {
  int power_iterations = 1;  ///< at each refresh
};

/// Spectral normalisation of a layer's weight: the layer runs with Ŵ = W/σ(W), σ(W) = uᵀ·W·v the largest singular value by
/// power iteration, u and v constants for the gradient. Miyato et al. 2018, equations 8, 12 and algorithm 1.
///
/// refresh() alone runs the power iteration and recomputes Ŵ, after each update of the parameters, so that all passes of a
/// step see the same Ŵ. The matrix is out×(kernel·kernel·in) for Conv2d, and (in·kernel·kernel)×out for
/// ConvTranspose2d, whose singular values are those of the transpose.
template <class L>
class SpectralNorm : public LayerDefaults<typename L::Scalar, typename L::Device> {
  using T = typename L::Scalar;
  using D = typename L::Device;

 public:
  using Saved = typename L::Saved;
  static constexpr Reads reads = L::reads;

  explicit SpectralNorm(L layer, const SpectralNormOptions& options = {}) : layer_(std::move(layer)), options_(options) {
    if (options.power_iterations < 1)
      throw ShapeError("SpectralNorm", "at least 1 power iteration", concat({options.power_iterations}), "use 1");
    const Parameter<T, D>& inner = layer_.weight();
    weight_ = Parameter<T, D>(inner.shape(), inner.init(), inner.fans());
    weight_.value() = inner.value();
    u_ = Buffer<T, D>(Shape{rows()}, Init::normal(1));
    v_ = Buffer<T, D>(Shape{columns()}, Init::normal(1));
  }

  Shape output_shape(const Shape& x) const { return layer_.output_shape(x); }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const { layer_.forward(pass, x, y, saved); }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    through_weight(pass, grads, [&](Gradients<T, D>* inner) { layer_.backward(pass, x, y, saved, dy, dx, inner); });
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    layer_.tangent(pass, x, y, saved, x_tangent, y_tangent);
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    through_weight(pass, grads,
                   [&](Gradients<T, D>* inner) { layer_.tangent_backward(pass, x, y, saved, x_tangent, delta, x_bar, inner); });
  }

  void refresh(Context<D>& context) {
    T *const u = u_.value().data(), *const v = v_.value().data();
    for (int iteration = 0; iteration < options_.power_iterations; ++iteration) {
      normalised_product(context, true, u, v);
      normalised_product(context, false, v, u);
    }
    restore(context);
  }

  /// σ and Ŵ from W, u and v as they are: after these were loaded or copied.
  void restore(Context<D>& context) {
    const auto product = context.template scratch<T>(rows());
    multiply(context, false, v_.value().data(), product.data());
    const auto sigma = context.template scratch<double>(1);
    sum_into(context, rows(), Product<T>{product.data(), u_.value().data()}, sigma.data());
    pointwise(context, 1, KeepSigma<D>{DeviceScalar<double, D>(sigma.data()), scales_.data()});
    pointwise(context, weight_.count(), ScaleByScalar<T, D>{inverse_sigma(), weight_.data(), layer_.weight().value().data()});
  }

  /// The estimate of the largest singular value of the weight at the last refresh.
  double sigma() const { return scales_.to_host()[0]; }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.weight_);
    if (self.layer_.bias().present()) visit("bias", self.layer_.bias());
    visit("u", self.u_);
    visit("v", self.v_);
  }

  template <class U, class E>
  auto to() const {
    SpectralNorm<decltype(layer_.template to<U, E>())> other(layer_.template to<U, E>(), options_);
    copy_state(*this, other);
    Context<E> context(1);
    other.restore(context);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("SpectralNorm").set("power_iterations", options_.power_iterations).add(layer_.describe());
  }

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

  /// Runs the layer's backward with a gradient of Ŵ of its own and adds what that means for W:
  /// ∇_W = (∇_Ŵ − ⟨∇_Ŵ, Ŵ⟩·u·vᵀ) / σ, equation 12.
  template <class Function>
  void through_weight(const Pass<D>& pass, Gradients<T, D>* grads, const Function& run) const {
    if (grads == nullptr) return run(nullptr);
    Context<D>& context = pass.context;
    const index_t count = weight_.count();
    const auto gradient = context.template scratch<T>(count);
    pointwise(context, count, Fill<T>{gradient.data(), T{0}});
    Gradients<T, D> inner = grads->redirected(layer_.weight(), gradient.data());
    run(&inner);
    const auto product = context.template scratch<double>(1);
    sum_into(context, count, Product<T>{gradient.data(), layer_.weight().data()}, product.data());
    pointwise(context, count,
              SpectralGradient<T, D>{gradient.data(), u_.value().data(), v_.value().data(), columns(), DeviceScalar<double, D>(product.data()),
                                     inverse_sigma(), grads->of(weight_)});
  }

  L layer_;                 // runs with Ŵ; its own weight is not among the parameters
  SpectralNormOptions options_;
  Parameter<T, D> weight_;  // W
  Buffer<T, D> u_, v_;
  Tensor<double, D> scales_ = Tensor<double, D>::filled(Shape{2}, 1);  // σ and 1/σ
};

}  // namespace nash
