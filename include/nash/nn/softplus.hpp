// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/activation.hpp"

namespace nash {

template <class T>
struct SoftplusFunction {
  static constexpr const char* name = "Softplus";
  NASH_HOST_DEVICE T value(T x) const { return (x > T{0} ? x : T{0}) + std::log1p(std::exp(-std::abs(x))); }
  NASH_HOST_DEVICE T slope(T y) const { return -std::expm1(-y); }
  NASH_HOST_DEVICE T curvature(T y) const { return -std::expm1(-y) * std::exp(-y); }
};

/// The smooth rectifier: y = log(1 + eˣ), without overflow. Its slope is the logistic function, 1 − e⁻ʸ.
template <class T = float, class Device = Cpu>
class Softplus : public PlainActivation<Softplus, SoftplusFunction, T, Device> {};

}  // namespace nash
