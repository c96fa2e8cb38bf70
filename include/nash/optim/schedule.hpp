// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "nash/core/error.hpp"

namespace nash {

/// What the learning rate is multiplied with at a step, 0, 1, 2, …: any function, such as the ones below.
using Schedule = std::function<double(index_t step)>;

/// 1 at every step
struct ConstantRate {
  double operator()(index_t) const { return 1; }
};

/// 1 until `begin`, then a straight line to `final_factor` at `end`, and that from there on. Throws ShapeError, when it is
/// asked, unless the end comes after the begin.
struct LinearDecay {
  index_t begin = 0;
  index_t end = 1;
  double final_factor = 0;

  double operator()(index_t step) const {
    if (end <= begin)
      throw ShapeError("LinearDecay", concat("an end after the begin at step ", begin), concat(end), "choose a later end");
    const double done = static_cast<double>(step - begin) / static_cast<double>(end - begin);
    return 1 + (final_factor - 1) * std::clamp(done, 0.0, 1.0);
  }
};

/// factor^(step / every); in whole powers only where it is a staircase. Throws ShapeError, when it is asked, where the factor
/// is not positive or the interval below 1.
struct ExponentialDecay {
  double factor = 0.96;
  index_t every = 10000;
  bool staircase = false;

  double operator()(index_t step) const {
    if (every < 1 || !(factor > 0))
      throw ShapeError("ExponentialDecay", "a positive factor and an interval of at least 1 step", concat(factor, " and ", every), "correct them");
    const double periods = static_cast<double>(step) / static_cast<double>(every);
    return std::pow(factor, staircase ? std::floor(periods) : periods);
  }
};

}  // namespace nash
