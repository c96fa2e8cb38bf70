// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/math.hpp"
#include "nash/nn/activation.hpp"

namespace nash {

template <class T>
struct TanhFunction {
  static constexpr const char* name = "Tanh";
  NASH_HOST_DEVICE T value(T x) const { return hyperbolic_tangent(x); }
  NASH_HOST_DEVICE T slope(T y) const { return T{1} - y * y; }
  NASH_HOST_DEVICE T curvature(T y) const { return T{-2} * y * (T{1} - y * y); }
};

/// The hyperbolic tangent, in (−1, 1): what a generator of images ends with.
template <class T = float, class Device = Cpu>
class Tanh : public PlainActivation<Tanh, TanhFunction, T, Device> {};

}  // namespace nash
