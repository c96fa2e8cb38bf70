// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/description.hpp"

namespace nash {

/// x := x / norm
template <class T>
struct DivideByNorm {
  double norm;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const { x[i] = static_cast<T>(static_cast<double>(x[i]) / norm); }
};

/// gradient += (d − ⟨d, Ŵ⟩·u·vᵀ) / σ
template <class T>
struct SpectralGradient {
  const T* d;
  const T* u;
  const T* v;
  index_t columns;
  T inner, inverse_sigma;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    gradient[i] += inverse_sigma * (d[i] - inner * u[i / columns] * v[i % columns]);
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
      multiply(context, true, u, v);
      normalize(context, columns(), v);
      multiply(context, false, v, u);
      normalize(context, rows(), u);
    }
    restore(context);
  }

  /// σ and Ŵ from W, u and v as they are: after these were loaded or copied.
  void restore(Context<D>& context) {
    const auto product = context.template scratch<T>(rows());
    multiply(context, false, v_.value().data(), product.data());
    sigma_ = sum(context, rows(), Product<T>{product.data(), u_.value().data()});
    inverse_sigma_ = sigma_ != 0 ? 1 / sigma_ : 0;
    pointwise(context, weight_.count(), Scale<T>{weight_.data(), static_cast<T>(inverse_sigma_), layer_.weight().value().data()});
  }

  /// The estimate of the largest singular value of the weight at the last refresh.
  double sigma() const { return sigma_; }

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

  static void normalize(Context<D>& context, index_t count, T* x) {
    const double norm = std::sqrt(sum(context, count, Square<T>{x}));
    pointwise(context, count, DivideByNorm<T>{std::max(norm, 1e-12), x});
  }

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
    const double product = sum(context, count, Product<T>{gradient.data(), layer_.weight().data()});
    pointwise(context, count,
              SpectralGradient<T>{gradient.data(), u_.value().data(), v_.value().data(), columns(), static_cast<T>(product),
                                  static_cast<T>(inverse_sigma_), grads->of(weight_)});
  }

  L layer_;                 // runs with Ŵ; its own weight is not among the parameters
  SpectralNormOptions options_;
  Parameter<T, D> weight_;  // W
  Buffer<T, D> u_, v_;
  double sigma_ = 1, inverse_sigma_ = 1;
};

}  // namespace nash
