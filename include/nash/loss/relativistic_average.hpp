// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/non_saturating.hpp"

namespace nash {

/// The slope of a loss at a logit less the other side's mean, column 0 of N×(1+C) logits; the other columns 0:
/// d_logits := (slope − their_slope) / rows, their_slope being the mean slope of the other side's term, in which −logit stands.
template <class T, class L, LossTerm term>
struct RelativeGradient {
  L loss;
  const T* logits;
  index_t columns;
  double their_mean, their_slope, inverse_rows;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    if (i % columns != 0) return static_cast<void>(d_logits[i] = T{0});
    const LossValue own = RelativeGradient::evaluate(loss, static_cast<double>(logits[i]), their_mean);
    d_logits[i] = static_cast<T>(inverse_rows * (own.slope - their_slope));
  }
  NASH_HOST_DEVICE static LossValue evaluate(const L& loss, double logit, double their_mean) {
    return LossGradient<double, L, term>::evaluate(loss, logit - their_mean);
  }
};

/// Σ value, or Σ slope, of a loss at the logits less the other side's mean
template <class T, class L, LossTerm term, bool of_slopes>
struct RelativeSum {
  L loss;
  const T* logits;
  index_t columns;
  double their_mean;
  NASH_HOST_DEVICE double operator()(index_t row) const {
    const LossValue own = RelativeGradient<T, L, term>::evaluate(loss, static_cast<double>(logits[row * columns]), their_mean);
    return of_slopes ? own.slope : own.value;
  }
};

/// Σ logit over the rows
template <class T>
struct LogitSum {
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return static_cast<double>(logits[row * columns]); }
};

/// A loss of how much more real a sample looks than the average one of the other side. With the means m over a batch and the
/// terms `real` and `fake` of a loss L of one logit, Jolicoeur-Martineau 2018, equations 8 and 9:
///
///     discriminator   minimises  L.real(l_real − m_fake) + L.fake(l_fake − m_real)
///     generator       minimises  L.fake(l_real − m_fake) + L.real(l_fake − m_real)
///
/// L is NonSaturating (RaSGAN, the default), LeastSquares{-1, 1} (RaLSGAN) or Hinge (RaHingeGAN). The generator's gradient
/// flows through l_fake and m_fake; its phase runs the discriminator on the real batch as well.
template <LogitLoss L = NonSaturating>
class RelativisticAverage {
 public:
  static constexpr bool generator_reads_real = true;

  explicit RelativisticAverage(const L& loss = {}) : loss_(loss) {}

  template <class T, class Device>
  DiscriminatorLoss discriminator(Context<Device>& context, const Tensor<T, Device>& real, const Tensor<T, Device>& fake,
                                  Tensor<T, Device>& d_real, Tensor<T, Device>& d_fake) const {
    const double real_mean = mean(context, real), fake_mean = mean(context, fake);
    const LossValue on_real = total<LossTerm::real>(context, real, fake_mean), on_fake = total<LossTerm::fake>(context, fake, real_mean);
    differentiate<LossTerm::real>(context, real, fake_mean, on_fake.slope, d_real);
    differentiate<LossTerm::fake>(context, fake, real_mean, on_real.slope, d_fake);
    return {on_real.value, on_fake.value};
  }

  template <class T, class Device>
  double generator(Context<Device>& context, const Tensor<T, Device>& real, const Tensor<T, Device>& fake, Tensor<T, Device>& d_fake) const {
    const double real_mean = mean(context, real), fake_mean = mean(context, fake);
    const LossValue on_real = total<LossTerm::fake>(context, real, fake_mean), on_fake = total<LossTerm::real>(context, fake, real_mean);
    differentiate<LossTerm::real>(context, fake, real_mean, on_real.slope, d_fake);
    return on_real.value + on_fake.value;
  }

 private:
  template <class T, class Device>
  static double mean(Context<Device>& context, const Tensor<T, Device>& logits) {
    check_logits("RelativisticAverage", logits.shape());
    const index_t rows = logits.shape()[0];
    return sum(context, rows, LogitSum<T>{logits.data(), logits.shape().channels()}) / static_cast<double>(rows);
  }

  /// The means of a term's values and of its slopes.
  template <LossTerm term, class T, class Device>
  LossValue total(Context<Device>& context, const Tensor<T, Device>& logits, double their_mean) const {
    const index_t rows = logits.shape()[0], columns = logits.shape().channels();
    return {sum(context, rows, RelativeSum<T, L, term, false>{loss_, logits.data(), columns, their_mean}) / static_cast<double>(rows),
            sum(context, rows, RelativeSum<T, L, term, true>{loss_, logits.data(), columns, their_mean}) / static_cast<double>(rows)};
  }

  template <LossTerm term, class T, class Device>
  void differentiate(Context<Device>& context, const Tensor<T, Device>& logits, double their_mean, double their_slope,
                     Tensor<T, Device>& d_logits) const {
    d_logits.resize(logits.shape());
    pointwise(context, logits.count(),
              RelativeGradient<T, L, term>{loss_, logits.data(), logits.shape().channels(), their_mean, their_slope,
                                           1 / static_cast<double>(logits.shape()[0]), d_logits.data()});
  }

  L loss_;
};

}  // namespace nash
