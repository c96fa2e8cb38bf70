// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/normalize.hpp"
#include "nash/kernels/row_sums.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// What the functors of LayerNorm read: x̂ = (x − mean)·rstd, with mean and rstd of each sample, size values, and channels of scales.
template <class T>
struct LayerNormed {
  const T* x;
  const double* mean;
  const double* rstd;
  const T* scale;
  index_t size, channels;

  NASH_HOST_DEVICE double normalized(index_t i) const { return (static_cast<double>(x[i]) - mean[i / size]) * rstd[i / size]; }
  /// A cotangent by way of the scale: d′ = scale·d
  NASH_HOST_DEVICE double scaled(const T* d, index_t i) const { return static_cast<double>(scale[i % channels]) * static_cast<double>(d[i]); }
};

/// Σ (x − mean)²
template <class T>
struct CentredSquare {
  LayerNormed<T> of;
  NASH_HOST_DEVICE double operator()(index_t i) const {
    const double centred = static_cast<double>(of.x[i]) - of.mean[i / of.size];
    return centred * centred;
  }
};

/// mean := sum / size
struct MeanFromSum {
  double inverse_size;
  double* mean;
  NASH_HOST_DEVICE void operator()(index_t n) const { mean[n] *= inverse_size; }
};

/// rstd := 1/√(Σ(x − mean)²/size + ε)
struct DeviationFromSum {
  double inverse_size, epsilon;
  double* rstd;
  NASH_HOST_DEVICE void operator()(index_t n) const { rstd[n] = 1 / std::sqrt(rstd[n] * inverse_size + epsilon); }
};

/// y := scale·x̂ + shift
template <class T>
struct ApplyLayerNorm {
  LayerNormed<T> of;
  const T* shift;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const {
    y[i] = static_cast<T>(static_cast<double>(of.scale[c]) * of.normalized(i) + static_cast<double>(shift[c]));
  }
};

/// Σ d′, or Σ d′·x̂; of a tangent, which is not scaled, Σ d, or Σ d·x̂
template <class T, bool is_scaled, bool times_normalized>
struct LayerNormSum {
  LayerNormed<T> of;
  const T* d;
  NASH_HOST_DEVICE double operator()(index_t i) const {
    const double value = is_scaled ? of.scaled(d, i) : static_cast<double>(d[i]);
    return times_normalized ? value * of.normalized(i) : value;
  }
};

/// Σ δ′·ẋ
template <class T>
struct LayerNormInner {
  LayerNormed<T> of;
  const T* delta;
  const T* tangent;
  NASH_HOST_DEVICE double operator()(index_t i) const { return of.scaled(delta, i) * static_cast<double>(tangent[i]); }
};

/// out := rstd·(d′ − m(d′) − x̂·m(d′x̂)), or scale times that of a tangent: the Jacobian transposed, and not
template <class T, bool transposed>
struct LayerNormJacobian {
  LayerNormed<T> of;
  const T* d;
  const double* sums;
  const double* sums_normalized;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i, index_t) const {
    const index_t n = i / of.size;
    const double value = transposed ? of.scaled(d, i) : static_cast<double>(d[i]), inverse_size = 1 / static_cast<double>(of.size);
    const double projected = of.rstd[n] * (value - inverse_size * (sums[n] + of.normalized(i) * sums_normalized[n]));
    out[i] = static_cast<T>(transposed ? projected : static_cast<double>(of.scale[i % of.channels]) * projected);
  }
};

/// Σ d and Σ d·x̂ a channel, over all samples
template <class T>
struct LayerNormGradients {
  static constexpr int sums = 2;
  LayerNormed<T> of;
  const T* d;
  NASH_HOST_DEVICE void operator()(index_t i, index_t, T* terms) const {
    terms[0] = d[i];
    terms[1] = static_cast<T>(static_cast<double>(d[i]) * of.normalized(i));
  }
};

/// The means m(·) of δ′, δ′x̂, ẋ, ẋx̂ and δ′ẋ over each sample: S = ⟨δ, J·ẋ⟩ = rstd·size·(m(δ′ẋ) − m(δ′)m(ẋ) − m(δ′x̂)m(ẋx̂)), and
///
///     x̄ += ∂S/∂x = −rstd²·( x̂·S/(rstd·size) + (δ′ − m(δ′) − x̂·m(δ′x̂))·m(ẋx̂) + (ẋ − m(ẋ) − x̂·m(ẋx̂))·m(δ′x̂) )
///
/// as for BatchNorm (docs/math/batch_norm.md) with δ′ in the place of scale·δ. Sums are those, samples of each.
template <class T>
struct LayerNormSecondOrder {
  LayerNormed<T> of;
  const T* delta;
  const T* tangent;
  const double* sums;
  index_t samples;
  T* x_bar;
  NASH_HOST_DEVICE double mean(int which, index_t n) const { return sums[which * samples + n] / static_cast<double>(of.size); }
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / of.size;
    const double normalized = of.normalized(i), covariance = mean(4, n) - mean(0, n) * mean(2, n) - mean(1, n) * mean(3, n);
    const double from_delta = (of.scaled(delta, i) - mean(0, n) - normalized * mean(1, n)) * mean(3, n);
    const double from_tangent = (static_cast<double>(tangent[i]) - mean(2, n) - normalized * mean(3, n)) * mean(1, n);
    x_bar[i] -= static_cast<T>(of.rstd[n] * of.rstd[n] * (normalized * covariance + from_delta + from_tangent));
  }
};

/// ∂S/∂scale: Σ δ·rstd·(ẋ − m(ẋ) − x̂·m(ẋx̂)) a channel
template <class T>
struct LayerNormScaleSecondOrder {
  static constexpr int sums = 1;
  LayerNormSecondOrder<T> of;
  NASH_HOST_DEVICE void operator()(index_t i, index_t, T* terms) const {
    const index_t n = i / of.of.size;
    const double tangent = static_cast<double>(of.tangent[i]) - of.mean(2, n) - of.of.normalized(i) * of.mean(3, n);
    terms[0] = static_cast<T>(of.of.rstd[n] * tangent * static_cast<double>(of.delta[i]));
  }
};

struct LayerNormOptions {
  double epsilon = 1e-5;
};

/// Layer normalisation over all values of a sample: x̂ = (x − mean) / √(variance + ε), y = scale·x̂ + shift with a scale and a shift
/// for each channel. Ba, Kiros and Hinton 2016, equations 3 and 4. PyTorch's GroupNorm(1, channels); of N×C its LayerNorm(C).
///
/// It sees each sample by itself, in training and in inference alike: what BatchNorm is replaced by under a gradient penalty.
template <class T = float, class D = Cpu>
class LayerNorm : public LayerDefaults<T, D> {
 public:
  static constexpr bool curved = true;

  struct Saved {
    Tensor<double, D> mean, rstd;  // of each sample
  };

  explicit LayerNorm(index_t channels, const LayerNormOptions& options = {}) : channels_(channels), options_(options) {
    require_at_least(1, channels, "LayerNorm", "a number of channels");
    require_epsilon(options.epsilon, "LayerNorm");
    scale_ = Parameter<T, D>(Shape{channels}, Init::ones());
    shift_ = Parameter<T, D>(Shape{channels}, Init::zeros());
  }

  Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x.channels() != channels_)
      throw ShapeError("LayerNorm", concat({"N×…×", channels_, " values"}), x.text(),
                       concat({"build LayerNorm{", x.channels(), "} or change the layer before it"}));
    return x;
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    y.resize(output_shape(x.shape()));
    const index_t samples = x.shape()[0], size = x.shape().count_per_sample();
    const auto memory = pass.context.template scratch<double>(saved == nullptr ? 2 * samples : 0);
    double *mean, *rstd;
    if (saved == nullptr) {
      mean = memory.data(), rstd = mean + samples;
    } else {
      saved->mean.resize(Shape{samples});
      saved->rstd.resize(Shape{samples});
      mean = saved->mean.data(), rstd = saved->rstd.data();
    }
    const double inverse_size = 1 / static_cast<double>(size);
    const LayerNormed<T> of{x.data(), mean, rstd, scale_.data(), size, channels_};
    sum_rows(pass.context, samples, size, Value<T>{x.data()}, mean);
    pointwise(pass.context, samples, MeanFromSum{inverse_size, mean});
    sum_rows(pass.context, samples, size, CentredSquare<T>{of}, rstd);
    pointwise(pass.context, samples, DeviationFromSum{inverse_size, options_.epsilon, rstd});
    pointwise_in_rows(pass.context, x.shape().rows(), channels_, ApplyLayerNorm<T>{of, shift_.data(), y.data()});
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                Gradients<T, D>* grads) const {
    const LayerNormed<T> of = normed(x, saved);
    if (grads != nullptr) {
      const auto sums = pass.context.template scratch<T>(2 * channels_);
      sum_columns(pass.context, x.shape().rows(), channels_, LayerNormGradients<T>{of, dy.data()}, sums.data());
      const GradientPlace<T> shift = grads->into(shift_), scale = grads->into(scale_);
      pointwise(pass.context, channels_, AccumulateShiftAndScale<T>{sums.data(), channels_, shift.values, scale.values, shift.adds, scale.adds});
    }
    if (dx != nullptr) through_jacobian<true>(pass, of, x.shape(), dy, *dx);
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    through_jacobian<false>(pass, normed(x, saved), x.shape(), x_tangent, y_tangent);
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    const LayerNormed<T> of = normed(x, saved);
    const index_t samples = x.shape()[0];
    const auto sums = pass.context.template scratch<double>(5 * samples);
    const auto add = [&](int which, const auto& f) { sum_rows(pass.context, samples, of.size, f, sums.data() + which * samples); };
    add(0, LayerNormSum<T, true, false>{of, delta.data()});
    add(1, LayerNormSum<T, true, true>{of, delta.data()});
    add(2, LayerNormSum<T, false, false>{of, x_tangent.data()});
    add(3, LayerNormSum<T, false, true>{of, x_tangent.data()});
    add(4, LayerNormInner<T>{of, delta.data(), x_tangent.data()});
    const LayerNormSecondOrder<T> second{of, delta.data(), x_tangent.data(), sums.data(), samples, x_bar == nullptr ? nullptr : x_bar->data()};
    if (x_bar != nullptr) pointwise(pass.context, x.count(), second);
    if (grads == nullptr) return;
    const auto scales = pass.context.template scratch<T>(channels_);
    sum_columns(pass.context, x.shape().rows(), channels_, LayerNormScaleSecondOrder<T>{second}, scales.data());
    pointwise(pass.context, channels_, Accumulate<T>{scales.data(), grads->of(scale_)});
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.scale_);
    visit("bias", self.shift_);
  }

  template <class U, class E>
  LayerNorm<U, E> to() const {
    LayerNorm<U, E> other(channels_, options_);
    copy_state(*this, other);
    return other;
  }

  LayerDescription describe() const { return LayerDescription("LayerNorm").set("channels", channels_).set("epsilon", options_.epsilon); }
  static LayerNorm from(const LayerDescription& d) {
    d.allow({"channels", "epsilon"});
    return LayerNorm(d.size("channels"), {.epsilon = d.number("epsilon", 1e-5)});
  }

 private:
  LayerNormed<T> normed(const Tensor<T, D>& x, const Saved& saved) const {
    return {x.data(), saved.mean.data(), saved.rstd.data(), scale_.data(), x.shape().count_per_sample(), channels_};
  }

  template <bool transposed>
  void through_jacobian(const Pass<D>& pass, const LayerNormed<T>& of, const Shape& shape, const Tensor<T, D>& d, Tensor<T, D>& out) const {
    const index_t samples = shape[0];
    const auto sums = pass.context.template scratch<double>(2 * samples);
    sum_rows(pass.context, samples, of.size, LayerNormSum<T, transposed, false>{of, d.data()}, sums.data());
    sum_rows(pass.context, samples, of.size, LayerNormSum<T, transposed, true>{of, d.data()}, sums.data() + samples);
    out.resize(shape);
    pointwise_in_rows(pass.context, shape.rows(), channels_,
                      LayerNormJacobian<T, transposed>{of, d.data(), sums.data(), sums.data() + samples, out.data()});
  }

  index_t channels_;
  LayerNormOptions options_;
  Parameter<T, D> scale_, shift_;
};

}  // namespace nash
