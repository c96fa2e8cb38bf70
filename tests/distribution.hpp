// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

/// The largest difference between the distribution of the values and a distribution function: the Kolmogorov–Smirnov statistic.
template <class Function>
double kolmogorov_distance(std::vector<double> values, const Function& distribution) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = distribution(values[i]);
    worst = std::max({worst, std::abs(expected - static_cast<double>(i) / n), std::abs(static_cast<double>(i + 1) / n - expected)});
  }
  return worst;
}

/// What the statistic of `count` values of the right distribution stays below with a probability of 0.999.
inline double kolmogorov_bound(double count) { return 1.95 / std::sqrt(count); }
