// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

#include "nash/testing/check_report.hpp"

namespace nash::testing {

/// A function of many variables, such as a layer's output against a cotangent as a function of its parameters.
using Objective = std::function<double(const std::vector<double>&)>;

/// The values of a function of one variable at −h, −h/2, 0, h/2 and h.
struct Stencil {
  double far_below, below, here, above, far_above;

  /// The central difference over the whole step.
  double derivative(double step) const { return (far_above - far_below) / (2 * step); }

  /// Whether the function has a kink or a jump within the step. A smooth function's central differences agree at h and h/2,
  /// and its one-sided differences come closer to each other as h shrinks.
  bool has_kink(double step, double scale, double tolerance) const {
    const double half = (above - below) / step;
    const double gap = (far_above - 2 * here + far_below) / step, half_gap = (above - 2 * here + below) / (step / 2);
    return std::abs(derivative(step) - half) > tolerance / 4 * scale ||
           (std::abs(half_gap) > tolerance * scale && std::abs(half_gap) > 0.75 * std::abs(gap));
  }
};

/// What errors of a tensor's derivatives are relative to at least: its root mean square, and 10⁻³, so that rounding in the
/// differences does not count where a derivative is nearly zero.
inline double least_scale(std::span<const double> derivatives) {
  double squares = 0;
  for (const double value : derivatives) squares += value * value;
  return std::max(1e-3, std::sqrt(squares / std::max<double>(1, static_cast<double>(derivatives.size()))));
}

/// Compares one derivative with the difference that values() gives; the error is relative to the larger of the two and at
/// least to `least`. Where they differ and the values themselves show a kink, it is skipped and counted.
template <class Values>
void compare_with_difference(std::string_view name, std::size_t k, double analytic, double least, const Values& values,
                             const CheckOptions& options, CheckReport& report) {
  const Stencil at = values();
  const double numeric = at.derivative(options.step), scale = std::max({least, std::abs(analytic), std::abs(numeric)});
  const double error = std::abs(analytic - numeric) / scale;
  if (!(error <= options.tolerance) && std::isfinite(analytic) && at.has_kink(options.step, scale, options.tolerance)) {
    ++report.skipped;
    return;
  }
  report.compare(error, concat({name, "[", k, "]: analytic ", analytic, ", numeric ", numeric, " (h = ", options.step, ")"}));
}

/// Compares derivatives with central differences of f: analytic[k] with that by variable first + k.
inline void compare_with_differences(std::string_view name, std::span<const double> analytic, const Objective& f,
                                     std::vector<double> at, std::size_t first, const CheckOptions& options, CheckReport& report) {
  const double least = least_scale(analytic);
  const std::size_t count = analytic.size(), probes = std::min(count, static_cast<std::size_t>(options.elements));
  for (std::size_t probe = 0; probe < probes; ++probe) {
    const std::size_t k = probe * count / probes;
    const double kept = at[first + k];
    const auto moved = [&](double by) {
      at[first + k] = kept + by;
      return f(at);
    };
    compare_with_difference(name, k, analytic[k], least, [&] {
      const double h = options.step;
      return Stencil{moved(-h), moved(-h / 2), moved(0), moved(h / 2), moved(h)};
    }, options, report);
    at[first + k] = kept;
  }
}

}  // namespace nash::testing
