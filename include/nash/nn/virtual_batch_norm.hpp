// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/dual.hpp"
#include "nash/kernels/reduce.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// The formulas of virtual batch normalisation, in doubles or, of x + ẋ·ε, in dual numbers. Per sample n and channel c, `place` (n, c),
/// with means over the P pixels of a sample and over all of the reference's R samples:
///
///     μ = w·mean x + (1 − w)·μ_ref,   s = w·mean x² + (1 − w)·s_ref,   r = 1/√(s − μ² + ε),   x̂ = (x − μ)·r
///
/// w = 1/(R + 1), or 0: for the reference's own samples, and for all where only the reference counts.
template <class T, class Number>
struct VirtualNorm {
  index_t reference, samples, pixels, channels;
  double own_weight, epsilon;
  const T* x;
  const T* tangent;   // of dual numbers
  Number* own;        // means of x, then of x²; samples × channels of each
  Number* of_reference;  // the same of the reference, channels of each

  NASH_HOST_DEVICE index_t count() const { return samples * channels; }
  NASH_HOST_DEVICE index_t element(index_t place, index_t pixel) const {
    return (place / channels * pixels + pixel) * channels + place % channels;
  }
  NASH_HOST_DEVICE index_t place(index_t i) const { return i / (pixels * channels) * channels + i % channels; }
  NASH_HOST_DEVICE Number value(index_t i) const {
    if constexpr (std::is_same_v<Number, double>)
      return static_cast<double>(x[i]);
    else
      return {static_cast<double>(x[i]), static_cast<double>(tangent[i])};
  }
  NASH_HOST_DEVICE double weight(index_t place) const { return place / channels < reference ? 0.0 : own_weight; }
  NASH_HOST_DEVICE Number mean(index_t place) const {
    return weight(place) * own[place] + (1 - weight(place)) * of_reference[place % channels];
  }
  NASH_HOST_DEVICE Number rstd(index_t place) const {
    const Number m = mean(place);
    return inverse_root(weight(place) * own[count() + place] + (1 - weight(place)) * of_reference[channels + place % channels] - m * m + epsilon);
  }
  NASH_HOST_DEVICE Number normalized(index_t i) const { return (value(i) - mean(place(i))) * rstd(place(i)); }
};

/// own := the moments of each sample
template <class T, class Number>
struct SampleMoments {
  VirtualNorm<T, Number> of;
  NASH_HOST_DEVICE void operator()(index_t place) const {
    Number first = 0, second = 0;
    for (index_t pixel = 0; pixel < of.pixels; ++pixel) {
      const Number v = of.value(of.element(place, pixel));
      first += v, second += v * v;
    }
    const double inverse = 1 / static_cast<double>(of.pixels);
    of.own[place] = inverse * first, of.own[of.count() + place] = inverse * second;
  }
};

/// of_reference := the means of the reference's own moments
template <class T, class Number>
struct ReferenceMoments {
  VirtualNorm<T, Number> of;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    Number first = 0, second = 0;
    for (index_t n = 0; n < of.reference; ++n) first += of.own[n * of.channels + c], second += of.own[of.count() + n * of.channels + c];
    const double inverse = 1 / static_cast<double>(of.reference);
    of.of_reference[c] = inverse * first, of.of_reference[of.channels + c] = inverse * second;
  }
};

/// y := scale·x̂ + shift; of dual numbers its tangent, without the shift
template <class T, class Number>
struct ApplyVirtualNorm {
  VirtualNorm<T, Number> of;
  const T* scale;
  const T* shift;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const {
    const Number normalized = of.normalized(i);
    if constexpr (std::is_same_v<Number, double>)
      y[i] = static_cast<T>(static_cast<double>(scale[c]) * normalized + static_cast<double>(shift[c]));
    else
      y[i] = static_cast<T>(static_cast<double>(scale[c]) * normalized.derivative);
  }
};

/// sums := Σ d and Σ d·x̂ of each sample and channel
template <class T, class Number>
struct VirtualNormSums {
  VirtualNorm<T, Number> of;
  const T* d;
  Number* sums;
  NASH_HOST_DEVICE void operator()(index_t place) const {
    Number plain = 0, times_normalized = 0;
    for (index_t pixel = 0; pixel < of.pixels; ++pixel) {
      const index_t i = of.element(place, pixel);
      plain += static_cast<double>(d[i]), times_normalized += static_cast<double>(d[i]) * of.normalized(i);
    }
    sums[place] = plain, sums[of.count() + place] = times_normalized;
  }
};

/// The cotangents of μ and s: ∂/∂μ = scale·(r²·μ·Σdx̂ − r·Σd), ∂/∂s = −½·scale·r²·Σdx̂
template <class T, class Number>
struct VirtualNormCotangents {
  VirtualNorm<T, Number> of;
  const T* scale;
  const Number* sums;

  NASH_HOST_DEVICE Number of_mean(index_t place) const {
    const Number r = of.rstd(place);
    return static_cast<double>(scale[place % of.channels]) * (r * r * of.mean(place) * sums[of.count() + place] - r * sums[place]);
  }
  NASH_HOST_DEVICE Number of_square(index_t place) const {
    const Number r = of.rstd(place);
    return -0.5 * static_cast<double>(scale[place % of.channels]) * (r * r * sums[of.count() + place]);
  }
};

/// to := the reference's part of both, summed over all samples
template <class T, class Number>
struct ReferenceCotangents {
  VirtualNormCotangents<T, Number> cotangents;
  Number* to;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    const VirtualNorm<T, Number>& of = cotangents.of;
    Number mean = 0, square = 0;
    for (index_t n = 0; n < of.samples; ++n) {
      const index_t place = n * of.channels + c;
      mean += (1 - of.weight(place)) * cotangents.of_mean(place), square += (1 - of.weight(place)) * cotangents.of_square(place);
    }
    to[c] = mean, to[of.channels + c] = square;
  }
};

/// dx := scale·r·d + w/P·(∂μ + 2·x·∂s), and for the reference's samples 1/(R·P)·(∂μ_ref + 2·x·∂s_ref) instead; of dual numbers
/// x̄ += its derivative
template <class T, class Number>
struct VirtualNormBackward {
  VirtualNormCotangents<T, Number> cotangents;
  const Number* of_reference;
  const T* d;
  T* dx;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const {
    const VirtualNorm<T, Number>& of = cotangents.of;
    const index_t place = of.place(i);
    const bool is_reference = place / of.channels < of.reference;
    const Number mean = is_reference ? of_reference[c] : cotangents.of_mean(place);
    const Number square = is_reference ? of_reference[of.channels + c] : cotangents.of_square(place);
    const double share = (is_reference ? 1 / static_cast<double>(of.reference) : of.own_weight) / static_cast<double>(of.pixels);
    const Number found = static_cast<double>(cotangents.scale[c]) * static_cast<double>(d[i]) * of.rstd(place) + share * (mean + 2.0 * (of.value(i) * square));
    if constexpr (std::is_same_v<Number, double>)
      dx[i] = static_cast<T>(found);
    else
      dx[i] += static_cast<T>(found.derivative);
  }
};

/// The gradient of the scale += Σₙ Σ d·x̂, and of the shift += Σₙ Σ d; of dual numbers that of the scale alone, by its derivative
template <class T, class Number>
struct VirtualNormGradients {
  index_t samples, channels;
  const Number* sums;
  T* scale;
  T* shift;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    Number plain = 0, times_normalized = 0;
    for (index_t n = 0; n < samples; ++n) plain += sums[n * channels + c], times_normalized += sums[(samples + n) * channels + c];
    if constexpr (std::is_same_v<Number, double>) {
      scale[c] += static_cast<T>(times_normalized);
      shift[c] += static_cast<T>(plain);
    } else {
      scale[c] += static_cast<T>(times_normalized.derivative);
    }
  }
};

struct VirtualBatchNormOptions {
  bool own = true;         ///< each sample counts among its statistics; false: the reference's alone, reference batch normalisation
  double epsilon = 1e-5;
  Init init = Init::ones();  ///< of the scale
};

/// Virtual batch normalisation: each sample is normalised by the statistics of a reference batch, fixed before training, and of itself, so
/// that it does not depend on the others of its batch, in training and in inference alike. Salimans et al. 2016, section 3.4; without
/// the sample itself reference batch normalisation, Goodfellow 2016, section 4.3.
///
/// The reference is the first `reference` samples of what it is given, with the gradient by way of them: put it into a ReferenceBatch,
/// which adds them to each batch. Penalties are allowed through it: what samples are coupled with are constants there.
template <class T = float, class D = Cpu>
class VirtualBatchNorm : public LayerDefaults<T, D> {
 public:
  static constexpr bool couples_samples = true;
  static constexpr bool penalised_although_coupled = true;
  static constexpr bool curved = true;

  NASH_COLD VirtualBatchNorm(index_t channels, index_t reference, const VirtualBatchNormOptions& options = {})
      : channels_(channels), reference_(reference), options_(options) {
    require_at_least(1, channels, "VirtualBatchNorm", "a number of channels");
    require_at_least(2, reference, "VirtualBatchNorm", "a number of samples of the reference");
    require_epsilon(options.epsilon, "VirtualBatchNorm");
    scale_ = Parameter<T, D>(Shape{channels}, options.init);
    shift_ = Parameter<T, D>(Shape{channels}, Init::zeros());
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x.channels() != channels_)
      throw ShapeError("VirtualBatchNorm", concat({"N×…×", channels_, " values"}), x.text(),
                       concat({"build VirtualBatchNorm{", x.channels(), ", …} or change the layer before it"}));
    if (x[0] <= reference_)
      throw ShapeError("VirtualBatchNorm", concat({"the ", reference_, " samples of its reference and more after them"}), concat({x[0]}),
                       "put it into a ReferenceBatch of that many samples");
    return x;
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    apply<double>(pass, x, nullptr, y);
  }
  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    if (dx != nullptr) dx->resize(x.shape());
    go_back<double>(pass, x, nullptr, dy, dx, grads);
  }
  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    y_tangent.resize(x.shape());
    apply<Dual>(pass, x, x_tangent.data(), y_tangent);
  }
  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    go_back<Dual>(pass, x, x_tangent.data(), delta, x_bar, grads);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.scale_);
    visit("bias", self.shift_);
  }

  template <class U, class E>
  VirtualBatchNorm<U, E> to() const {
    VirtualBatchNorm<U, E> other(channels_, reference_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("VirtualBatchNorm").set("channels", channels_).set("reference", reference_).set("own", options_.own)
        .set("epsilon", options_.epsilon).set(options_.init);
  }
  static VirtualBatchNorm from(const LayerDescription& d) {
    d.allow({"channels", "reference", "own", "epsilon", "init"});
    return VirtualBatchNorm(d.size("channels"), d.size("reference"),
                            {.own = d.flag("own", true), .epsilon = d.number("epsilon", 1e-5), .init = d.init(Init::ones())});
  }

 private:
  /// The formulas with their moments, in memory for 2·(samples + 1)·channels numbers.
  template <class Number>
  VirtualNorm<T, Number> norm(const Pass<D>& pass, const Tensor<T, D>& x, const T* tangent, Number* memory) const {
    const index_t samples = x.shape()[0];
    const double own_weight = options_.own ? 1 / static_cast<double>(reference_ + 1) : 0;
    const VirtualNorm<T, Number> of{reference_, samples, x.shape().count_per_sample() / channels_, channels_, own_weight, options_.epsilon,
                                    x.data(), tangent, memory, memory + 2 * samples * channels_};
    pointwise(pass.context, of.count(), SampleMoments<T, Number>{of});
    pointwise(pass.context, channels_, ReferenceMoments<T, Number>{of});
    return of;
  }

  template <class Number>
  void apply(const Pass<D>& pass, const Tensor<T, D>& x, const T* tangent, Tensor<T, D>& y) const {
    const auto memory = pass.context.template scratch<Number>(2 * (x.shape()[0] + 1) * channels_);
    const auto of = norm<Number>(pass, x, tangent, memory.data());
    pointwise_in_rows(pass.context, x.shape().rows(), channels_, ApplyVirtualNorm<T, Number>{of, scale_.data(), shift_.data(), y.data()});
  }

  template <class Number>
  void go_back(const Pass<D>& pass, const Tensor<T, D>& x, const T* tangent, const Tensor<T, D>& d, Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    const index_t size = 2 * (x.shape()[0] + 1) * channels_;
    const auto memory = pass.context.template scratch<Number>(2 * size);
    const auto of = norm<Number>(pass, x, tangent, memory.data());
    Number *const sums = memory.data() + size, *const of_reference = sums + 2 * of.count();
    pointwise(pass.context, of.count(), VirtualNormSums<T, Number>{of, d.data(), sums});
    if (grads != nullptr)
      pointwise(pass.context, channels_, VirtualNormGradients<T, Number>{of.samples, channels_, sums, grads->of(scale_), grads->of(shift_)});
    if (dx == nullptr) return;
    const VirtualNormCotangents<T, Number> cotangents{of, scale_.data(), sums};
    pointwise(pass.context, channels_, ReferenceCotangents<T, Number>{cotangents, of_reference});
    pointwise_in_rows(pass.context, x.shape().rows(), channels_, VirtualNormBackward<T, Number>{cotangents, of_reference, d.data(), dx->data()});
  }

  index_t channels_, reference_;
  VirtualBatchNormOptions options_;
  Parameter<T, D> scale_, shift_;
};

}  // namespace nash
