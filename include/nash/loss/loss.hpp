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
concept LogitLoss = requires(const L& loss, double logit) {
  { loss.real(logit) } -> std::same_as<LossValue>;
  { loss.fake(logit) } -> std::same_as<LossValue>;
  { loss.generator(logit) } -> std::same_as<LossValue>;
};

/// What the discriminator minimises: its terms on real and on generated samples.
struct DiscriminatorLoss {
  double real, fake;
};

/// A loss that compares real and generated samples, so that no term stands by itself. Of N×(1+C) logits it reads column 0, and
/// it assigns all of the gradients:
///
///     loss.discriminator(context, real, fake, d_real, d_fake)   DiscriminatorLoss, and its gradients by both logits
///     loss.generator(context, real, fake, d_fake)               what the generator minimises, and its gradient
///     static constexpr bool generator_reads_real = true;        its phase also runs the discriminator on the real batch
///
/// On a GPU a step with it is one graph if it says static constexpr bool runs_ahead = true; and so promises that each of its three values is
/// a factor times one sum that the host reads, that of the real term first, and that nothing else depends on one (sum_into, DeviceScalar).
template <class L>
concept PairLoss = requires(const L& loss, Context<Cpu>& context, const Tensor<float>& logits, Tensor<float>& d_logits) {
  { loss.discriminator(context, logits, logits, d_logits, d_logits) } -> std::same_as<DiscriminatorLoss>;
  { loss.generator(context, logits, logits, d_logits) } -> std::same_as<double>;
  requires L::generator_reads_real;
};

template <class L>
concept Loss = LogitLoss<L> || PairLoss<L>;

/// log(1 + eˣ) without overflow
NASH_HOST_DEVICE inline double softplus(double x) { return (x > 0 ? x : 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// 1 / (1 + e⁻ˣ) without overflow
NASH_HOST_DEVICE inline double logistic(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

/// Which of a loss's members is meant.
enum class LossTerm { real, fake, generator };

/// Column 0 of d_logits := slope / rows, the other columns 0
template <class T, class L, LossTerm term>
struct LossGradient {
  static constexpr bool scalar_work = true;
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
  static constexpr bool scalar_work = true;
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
  static constexpr bool scalar_work = true;
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return logistic(static_cast<double>(logits[row * columns])); }
};

/// Column 0 of a matrix := 1, the others 0: the gradient of the sum of the adversarial logits
template <class T>
struct FirstColumn {
  index_t columns;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = i % columns == 0 ? T{1} : T{0}; }
};

/// Throws ShapeError unless these are N×(1+C) logits of at least one sample.
NASH_COLD inline void check_logits(std::string_view where, const Shape& shape) {
  if (shape.rank() != 2 || shape.count() == 0)
    throw ShapeError(std::string(where), "N×(1+C) logits of at least one sample", shape.text(), "end the discriminator with Dense{…, 1}");
}

/// Of sums over rows: the mean of a loss term, and that of a probability.
inline double mean_loss_of(double sum, index_t rows) { return 1 / static_cast<double>(rows) * sum; }
inline double mean_probability_of(double sum, index_t rows) { return sum / static_cast<double>(rows); }

/// The mean of a loss term over the rows of N×(1+C) logits, whose column 0 is the adversarial one, and its gradient.
///
/// A logit that is not finite makes the mean NaN, also where the loss has a limit: the network that gave it is broken.
template <LossTerm term, class T, class Device, LogitLoss L>
double evaluate_loss(Context<Device>& context, const L& loss, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
  check_logits("evaluate_loss", logits.shape());
  const index_t rows = logits.shape()[0], columns = logits.shape().channels();
  const double inverse_rows = 1 / static_cast<double>(rows);
  d_logits.resize(logits.shape());
  pointwise(context, logits.count(), LossGradient<T, L, term>{loss, logits.data(), columns, inverse_rows, d_logits.data()});
  return mean_loss_of(sum(context, rows, LossSum<T, L, term>{loss, logits.data(), columns}), rows);
}

/// What is not the same for all rows of a batch. A null pointer: every target is 1 for real rows and 0 for generated ones, every
/// weight is 1.
template <class T>
struct LossRows {
  const T* targets = nullptr;  ///< the share of the real label: target·real(l) + (1 − target)·fake(l); not for the generator
  const T* weights = nullptr;  ///< what a row's term is multiplied with, before the mean over all rows
};

/// LossGradient's value and slope of a row, with its target and its weight.
template <class T, class L, LossTerm term>
struct RowLoss {
  L loss;
  LossRows<T> of;
  NASH_HOST_DEVICE LossValue operator()(index_t row, T logit) const {
    LossValue found = LossGradient<T, L, term>::evaluate(loss, logit);
    if constexpr (term != LossTerm::generator) {
      constexpr double own = term == LossTerm::real ? 1 : 0;
      const double target = of.targets == nullptr ? own : static_cast<double>(of.targets[row]);
      if (target != own) {
        const LossValue real = LossGradient<T, L, LossTerm::real>::evaluate(loss, logit);
        const LossValue fake = LossGradient<T, L, LossTerm::fake>::evaluate(loss, logit);
        found = {target * real.value + (1 - target) * fake.value, target * real.slope + (1 - target) * fake.slope};
      }
    }
    const double weight = of.weights == nullptr ? 1 : static_cast<double>(of.weights[row]);
    return {weight * found.value, weight * found.slope};
  }
};

/// Column 0 of d_logits := slope / rows, the other columns 0
template <class T, class L, LossTerm term>
struct RowLossGradient {
  static constexpr bool scalar_work = true;
  RowLoss<T, L, term> row_loss;
  const T* logits;
  index_t columns;
  double inverse_rows;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    d_logits[i] = i % columns == 0 ? static_cast<T>(inverse_rows * row_loss(i / columns, logits[i]).slope) : T{0};
  }
};

/// Σ value over the rows
template <class T, class L, LossTerm term>
struct RowLossSum {
  static constexpr bool scalar_work = true;
  RowLoss<T, L, term> row_loss;
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return row_loss(row, logits[row * columns]).value; }
};

/// The same where rows have targets or weights of their own. Where these are 1 and 0 and 1, it gives the same bits.
template <LossTerm term, class T, class Device, LogitLoss L>
double evaluate_loss(Context<Device>& context, const L& loss, const LossRows<T>& of, const Tensor<T, Device>& logits,
                     Tensor<T, Device>& d_logits) {
  check_logits("evaluate_loss", logits.shape());
  const index_t rows = logits.shape()[0], columns = logits.shape().channels();
  const double inverse_rows = 1 / static_cast<double>(rows);
  const RowLoss<T, L, term> row_loss{loss, of};
  d_logits.resize(logits.shape());
  pointwise(context, logits.count(), RowLossGradient<T, L, term>{row_loss, logits.data(), columns, inverse_rows, d_logits.data()});
  return mean_loss_of(sum(context, rows, RowLossSum<T, L, term>{row_loss, logits.data(), columns}), rows);
}

/// The mean of σ(logit): what the literature plots as D(x) and D(G(z)).
template <class T, class Device>
double mean_probability(Context<Device>& context, const Tensor<T, Device>& logits) {
  check_logits("mean_probability", logits.shape());
  const index_t rows = logits.shape()[0];
  return mean_probability_of(sum(context, rows, ProbabilitySum<T>{logits.data(), logits.shape().channels()}), rows);
}

}  // namespace nash
