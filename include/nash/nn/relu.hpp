// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/activation.hpp"

namespace nash {

template <class T>
struct ReLUFunction {
  static constexpr const char* name = "ReLU";
  NASH_HOST_DEVICE T value(T x) const { return x <= T{0} ? T{0} : x; }  // a NaN stays one
  NASH_HOST_DEVICE T slope(T y) const { return y > T{0} ? T{1} : T{0}; }
};

/// The rectifier: y = max(x, 0). Its derivative at 0 is 0.
template <class T = float, class Device = Cpu>
class ReLU : public PlainActivation<ReLU, ReLUFunction, T, Device> {};

}  // namespace nash
