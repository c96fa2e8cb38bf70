// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/device_scalar.hpp"
#include "nash/kernels/weighted_sums.hpp"
#include "nash/loss/non_saturating.hpp"

namespace nash {

/// The mean over the rows of a batch, of what is summed in the device's memory.
template <class Device>
struct RowMean {
  DeviceScalar<double, Device> sum;
  double rows;
  NASH_HOST_DEVICE double operator()() const { return sum() / rows; }
};

/// The slope of a loss at a logit less the other side's mean, column 0 of N×(1+C) logits; the other columns 0:
/// d_logits := (slope − their_slope) / rows, their_slope being the mean slope of the other side's term, in which −logit stands.
template <class T, class L, LossTerm term, class Device>
struct RelativeGradient {
  L loss;
  const T* logits;
  index_t columns;
  RowMean<Device> their_mean, their_slope;
  double inverse_rows;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    if (i % columns != 0) return static_cast<void>(d_logits[i] = T{0});
    const LossValue own = RelativeGradient::evaluate(loss, static_cast<double>(logits[i]), their_mean());
    d_logits[i] = static_cast<T>(inverse_rows * (own.slope - their_slope()));
  }
  NASH_HOST_DEVICE static LossValue evaluate(const L& loss, double logit, double their_mean) {
    return LossGradient<double, L, term>::evaluate(loss, logit - their_mean);
  }
};

/// Σ value, or Σ slope, of a loss at the logits less the other side's mean
template <class T, class L, LossTerm term, class Device, bool of_slopes>
struct RelativeSum {
  L loss;
  const T* logits;
  index_t columns;
  RowMean<Device> their_mean;
  NASH_HOST_DEVICE double operator()(index_t row) const {
    const LossValue own = RelativeGradient<T, L, term, Device>::evaluate(loss, static_cast<double>(logits[row * columns]), their_mean());
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
  static constexpr bool generator_reads_real = true, runs_ahead = true;

  explicit RelativisticAverage(const L& loss = {}) : loss_(loss) {}

  template <class T, class Device>
  DiscriminatorLoss discriminator(Context<Device>& context, const Tensor<T, Device>& real, const Tensor<T, Device>& fake,
                                  Tensor<T, Device>& d_real, Tensor<T, Device>& d_fake) const {
    const auto sums = context.template scratch<double>(4);
    const auto real_mean = mean(context, real, sums.data()), fake_mean = mean(context, fake, sums.data() + 1);
    const auto real_slope = slope<LossTerm::real>(context, real, fake_mean, sums.data() + 2);
    const auto fake_slope = slope<LossTerm::fake>(context, fake, real_mean, sums.data() + 3);
    differentiate<LossTerm::real>(context, real, fake_mean, fake_slope, d_real);
    differentiate<LossTerm::fake>(context, fake, real_mean, real_slope, d_fake);
    return {1 / rows_of(real) * sum(context, real.shape()[0], summed<LossTerm::real, false>(real, fake_mean)),
            1 / rows_of(fake) * sum(context, fake.shape()[0], summed<LossTerm::fake, false>(fake, real_mean))};
  }

  template <class T, class Device>
  double generator(Context<Device>& context, const Tensor<T, Device>& real, const Tensor<T, Device>& fake, Tensor<T, Device>& d_fake) const {
    const auto sums = context.template scratch<double>(3);
    const auto real_mean = mean(context, real, sums.data()), fake_mean = mean(context, fake, sums.data() + 1);
    const auto real_slope = slope<LossTerm::fake>(context, real, fake_mean, sums.data() + 2);
    differentiate<LossTerm::real>(context, fake, real_mean, real_slope, d_fake);
    WeightedSums<Device> value(context, 2);
    value.add(1 / rows_of(real), real.shape()[0], summed<LossTerm::fake, false>(real, fake_mean));
    value.add(1 / rows_of(fake), fake.shape()[0], summed<LossTerm::real, false>(fake, real_mean));
    return value.total();
  }

 private:
  template <class T, class Device>
  static double rows_of(const Tensor<T, Device>& logits) {
    return static_cast<double>(logits.shape()[0]);
  }

  /// The mean logit, by a sum at a place in the device's memory.
  template <class T, class Device>
  static RowMean<Device> mean(Context<Device>& context, const Tensor<T, Device>& logits, double* place) {
    check_logits("RelativisticAverage", logits.shape());
    sum_into(context, logits.shape()[0], LogitSum<T>{logits.data(), logits.shape().channels()}, place);
    return {DeviceScalar<double, Device>(place), rows_of(logits)};
  }

  /// The mean slope of a term, likewise.
  template <LossTerm term, class T, class Device>
  RowMean<Device> slope(Context<Device>& context, const Tensor<T, Device>& logits, const RowMean<Device>& their_mean, double* place) const {
    sum_into(context, logits.shape()[0], summed<term, true>(logits, their_mean), place);
    return {DeviceScalar<double, Device>(place), rows_of(logits)};
  }

  template <LossTerm term, bool of_slopes, class T, class Device>
  RelativeSum<T, L, term, Device, of_slopes> summed(const Tensor<T, Device>& logits, const RowMean<Device>& their_mean) const {
    return {loss_, logits.data(), logits.shape().channels(), their_mean};
  }

  template <LossTerm term, class T, class Device>
  void differentiate(Context<Device>& context, const Tensor<T, Device>& logits, const RowMean<Device>& their_mean,
                     const RowMean<Device>& their_slope, Tensor<T, Device>& d_logits) const {
    d_logits.resize(logits.shape());
    pointwise(context, logits.count(),
              RelativeGradient<T, L, term, Device>{loss_, logits.data(), logits.shape().channels(), their_mean, their_slope, 1 / rows_of(logits),
                                                   d_logits.data()});
  }

  L loss_;
};

}  // namespace nash
