// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/random.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// target *= t, t uniform between low and high
template <class T>
struct SoftenTargets {
  RandomStream random;
  double low, high;
  T* targets;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    targets[i] = static_cast<T>((low + (high - low) * random.uniform(i)) * static_cast<double>(targets[i]));
  }
};

/// One-sided label smoothing: real samples are real by a share t only, on which the loss becomes t·real(l) + (1 − t)·fake(l); fakes
/// stay fakes. Salimans et al. 2016, section 3.4, with t = 0.9. Two bounds: a t for each sample, uniform between them.
class LabelSmoothing {
 public:
  static constexpr const char* name = "LabelSmoothing";
  static constexpr bool runs_ahead = true;

  explicit LabelSmoothing(double target = 0.9) : LabelSmoothing(target, target) {}
  LabelSmoothing(double low, double high) : low_(low), high_(high) {
    if (!(low >= 0 && low <= high && high <= 1))
      throw ShapeError("LabelSmoothing", "targets from 0 to 1, the lower one first", concat({low, " and ", high}), "use 0.9, or 0.9 and 1");
  }

  template <class T, class Device>
  void change_targets(const Update<Device>& update, LossTerm term, Tensor<T, Device>& targets) const {
    if (term == LossTerm::real) pointwise(update.context, targets.count(), SoftenTargets<T>{update.random, low_, high_, targets.data()});
  }

 private:
  double low_, high_;
};

}  // namespace nash
