// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/core/platform.hpp"

namespace nash {

/// A number and its derivative along a tangent, a + ȧ·ε with ε² = 0: a formula in dual numbers gives its own derivative. Layers whose
/// backward is written for either kind of number have their second order by it, since ∂ₓ⟨δ, J·ẋ⟩ is the derivative of Jᵀ·δ along ẋ.
struct Dual {
  double value = 0, derivative = 0;

  Dual() = default;
  NASH_HOST_DEVICE Dual(double v) : value(v) {}  // NOLINT: every number is one whose derivative is 0
  NASH_HOST_DEVICE Dual(double v, double d) : value(v), derivative(d) {}

  NASH_HOST_DEVICE Dual& operator+=(const Dual& b) { return *this = {value + b.value, derivative + b.derivative}; }
};

NASH_HOST_DEVICE inline Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.derivative + b.derivative}; }
NASH_HOST_DEVICE inline Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.derivative - b.derivative}; }
NASH_HOST_DEVICE inline Dual operator*(const Dual& a, const Dual& b) {
  return {a.value * b.value, a.derivative * b.value + a.value * b.derivative};
}

/// 1/√a
NASH_HOST_DEVICE inline double inverse_root(double a) { return 1 / std::sqrt(a); }
NASH_HOST_DEVICE inline Dual inverse_root(const Dual& a) {
  const double root = inverse_root(a.value);
  return {root, -0.5 * root / a.value * a.derivative};
}

}  // namespace nash
