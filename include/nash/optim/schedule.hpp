// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "nash/core/error.hpp"

namespace nash {

/// What the learning rate is multiplied with at a step, 0, 1, 2, …: any function, such as the ones below.
using Schedule = std::function<double(index_t step)>;

/// 1 at every step
struct ConstantRate {
  double operator()(index_t) const { return 1; }
};

/// 1 until `begin`, then a straight line to `final_factor` at `end`, and that from there on.
struct LinearDecay {
  index_t begin = 0;
  index_t end = 1;
  double final_factor = 0;

  /// Throws ShapeError unless the end comes after the begin and the final factor is finite and at least 0. GanTrainer asks when
  /// the schedule is set; being asked for a step does so too.
  void check() const {
    if (end <= begin)
      throw ShapeError("LinearDecay", concat({"an end after the begin at step ", begin}), concat({end}), "choose a later end");
    if (!(final_factor >= 0 && std::isfinite(final_factor)))
      throw ShapeError("LinearDecay", "a finite final factor of at least 0", concat({final_factor}),
                       "choose the share of the learning rate that is to be left");
  }

  double operator()(index_t step) const {
    check();
    const double done = static_cast<double>(step - begin) / static_cast<double>(end - begin);
    return 1 + (final_factor - 1) * std::clamp(done, 0.0, 1.0);
  }
};

/// 1 until `begin`, then half a period of a cosine down to `final_factor` at `end`, and that from there on.
/// Loshchilov and Hutter 2017, equation 5, without restarts.
struct CosineDecay {
  index_t begin = 0;
  index_t end = 1;
  double final_factor = 0;

  /// Throws ShapeError as LinearDecay does, at the same times.
  void check() const {
    if (end <= begin)
      throw ShapeError("CosineDecay", concat({"an end after the begin at step ", begin}), concat({end}), "choose a later end");
    if (!(final_factor >= 0 && std::isfinite(final_factor)))
      throw ShapeError("CosineDecay", "a finite final factor of at least 0", concat({final_factor}),
                       "choose the share of the learning rate that is to be left");
  }

  double operator()(index_t step) const {
    check();
    const double done = std::clamp(static_cast<double>(step - begin) / static_cast<double>(end - begin), 0.0, 1.0);
    return final_factor + (1 - final_factor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
};

/// factor^(step / every); in whole powers only where it is a staircase.
struct ExponentialDecay {
  double factor = 0.96;
  index_t every = 10000;
  bool staircase = false;

  /// Throws ShapeError where the factor is not positive and finite or the interval below 1, at the same times as LinearDecay's.
  void check() const {
    if (every < 1 || !(factor > 0 && std::isfinite(factor)))
      throw ShapeError("ExponentialDecay", "a positive, finite factor and an interval of at least 1 step", concat({factor, " and ", every}),
                       "correct them");
  }

  double operator()(index_t step) const {
    check();
    const double periods = static_cast<double>(step) / static_cast<double>(every);
    return std::pow(factor, staircase ? std::floor(periods) : periods);
  }
};

}  // namespace nash
