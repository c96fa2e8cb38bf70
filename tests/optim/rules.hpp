// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "message_of.hpp"
#include "nash/optim/optimizer.hpp"

/// Some parameters and, for each step, some gradients; the first parameter's gradients are tiny, the second's are huge.
inline std::vector<double> start_values() { return {0.5, -1.25, 3, 0, 1e-3}; }
inline std::vector<double> gradients_at(int step) {
  std::vector<double> gradients;
  for (nash::index_t i = 0; i < 5; ++i) gradients.push_back(nash::RandomStream(7, static_cast<std::uint64_t>(step)).normal(i));
  gradients[0] *= 1e-6;
  gradients[1] *= 1e3;
  return gradients;
}

/// Where the optimiser takes the parameters in some steps, `factor` being applied to the rate.
template <class Rule>
std::vector<double> path_end(const Rule& rule, int steps, const std::function<double(int)>& factor = [](int) { return 1.0; }) {
  nash::Context<nash::Cpu> context(1);
  nash::Tensor<double> theta({5}, start_values());
  nash::Optimizer<double, nash::Cpu> optimizer(rule, 5);
  for (int step = 0; step < steps; ++step) {
    CHECK(optimizer.steps() == step);
    optimizer.step(context, theta, nash::Tensor<double>({5}, gradients_at(step)), factor(step));
  }
  return theta.to_host();
}

inline void check_each(const std::vector<double>& values, const std::vector<double>& expected, double tolerance = 1e-14) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(values[i] - expected[i]) <= tolerance * std::max(1e-6, std::abs(expected[i])));
  }
}
