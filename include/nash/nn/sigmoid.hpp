// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/activation.hpp"

namespace nash {

template <class T>
struct SigmoidFunction {
  static constexpr const char* name = "Sigmoid";
  NASH_HOST_DEVICE T value(T x) const { return T{1} / (T{1} + std::exp(-x)); }
  NASH_HOST_DEVICE T slope(T y) const { return y * (T{1} - y); }
  NASH_HOST_DEVICE T curvature(T y) const { return y * (T{1} - y) * (T{1} - T{2} * y); }
};

/// The logistic function: y = 1 / (1 + e⁻ˣ), in (0, 1). Losses take logits, so a discriminator does not end with it.
template <class T = float, class Device = Cpu>
class Sigmoid : public PlainActivation<Sigmoid, SigmoidFunction, T, Device> {};

}  // namespace nash
