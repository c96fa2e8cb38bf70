// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <limits>

#include "nash/kernels/host.hpp"

namespace nash {

/// A loss of one logit and its derivative.
struct LossValue {
  double value, slope;
};

/// A loss of a logit l = D(·) at a time, averaged over the batch. Each member is const, NASH_HOST_DEVICE, and finite for any
/// finite logit:
///
///     loss.real(l)        what the discriminator minimises on real samples
///     loss.fake(l)        what the discriminator minimises on generated samples
///     loss.generator(l)   what the generator minimises on generated samples
template <class L>
concept Loss = requires(const L& loss, double logit) {
  { loss.real(logit) } -> std::same_as<LossValue>;
  { loss.fake(logit) } -> std::same_as<LossValue>;
  { loss.generator(logit) } -> std::same_as<LossValue>;
};

/// log(1 + eˣ) without overflow
NASH_HOST_DEVICE inline double softplus(double x) { return (x > 0 ? x : 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// 1 / (1 + e⁻ˣ) without overflow
NASH_HOST_DEVICE inline double logistic(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

/// Which of a loss's members is meant.
enum class LossTerm { real, fake, generator };

/// Column 0 of d_logits := slope / rows, the other columns 0
template <class T, class L, LossTerm term>
struct LossGradient {
  L loss;
  const T* logits;
  index_t columns;
  double inverse_rows;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    d_logits[i] = i % columns == 0 ? static_cast<T>(inverse_rows * evaluate(loss, logits[i]).slope) : T{0};
  }
  NASH_HOST_DEVICE static LossValue evaluate(const L& loss, T logit) {
    const double l = static_cast<double>(logit);
    if (!std::isfinite(l)) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    if constexpr (term == LossTerm::real) return loss.real(l);
    if constexpr (term == LossTerm::fake) return loss.fake(l);
    if constexpr (term == LossTerm::generator) return loss.generator(l);
  }
};

/// Σ value over the rows
template <class T, class L, LossTerm term>
struct LossSum {
  L loss;
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const {
    return LossGradient<T, L, term>::evaluate(loss, logits[row * columns]).value;
  }
};

/// Σ σ(logit) over the rows
template <class T>
struct ProbabilitySum {
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return logistic(static_cast<double>(logits[row * columns])); }
};

/// Throws ShapeError unless these are N×(1+C) logits of at least one sample.
inline void check_logits(std::string_view where, const Shape& shape) {
  if (shape.rank() != 2 || shape.count() == 0)
    throw ShapeError(std::string(where), "N×(1+C) logits of at least one sample", shape.text(), "end the discriminator with Dense{…, 1}");
}

/// The mean of a loss term over the rows of N×(1+C) logits, whose column 0 is the adversarial one, and its gradient.
///
/// A logit that is not finite makes the mean NaN, also where the loss has a limit: the network that gave it is broken.
template <LossTerm term, class T, class Device, Loss L>
double evaluate_loss(Context<Device>& context, const L& loss, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
  check_logits("evaluate_loss", logits.shape());
  const index_t rows = logits.shape()[0], columns = logits.shape().channels();
  const double inverse_rows = 1 / static_cast<double>(rows);
  d_logits.resize(logits.shape());
  pointwise(context, logits.count(), LossGradient<T, L, term>{loss, logits.data(), columns, inverse_rows, d_logits.data()});
  return inverse_rows * sum(context, rows, LossSum<T, L, term>{loss, logits.data(), columns});
}

/// The mean of σ(logit): what the literature plots as D(x) and D(G(z)).
template <class T, class Device>
double mean_probability(Context<Device>& context, const Tensor<T, Device>& logits) {
  check_logits("mean_probability", logits.shape());
  const index_t rows = logits.shape()[0];
  return sum(context, rows, ProbabilitySum<T>{logits.data(), logits.shape().channels()}) / static_cast<double>(rows);
}

}  // namespace nash
