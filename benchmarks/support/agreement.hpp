// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <span>

namespace benchmark {

/// The largest difference in units of the expected values' root mean square; infinite where one is not finite. Rounding in
/// float gives 1e-6 to 1e-5, and a sum of 65536 terms that lacks one of them 4e-3.
template <class T>
double largest_error(std::span<const float> values, std::span<const T> expected) {
  double squares = 0, worst = 0;
  for (const T value : expected) squares += static_cast<double>(value) * static_cast<double>(value);
  const double scale = std::sqrt(squares / static_cast<double>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(values[i]) - static_cast<double>(expected[i])) / scale;
    if (!(error <= worst)) worst = error;
    if (!std::isfinite(worst)) return INFINITY;
  }
  return values.size() == expected.size() ? worst : INFINITY;
}

constexpr double tolerated_error = 1e-4;

}  // namespace benchmark
