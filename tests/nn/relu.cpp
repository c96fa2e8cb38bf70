// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/relu.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("ReLU has the derivatives that it says") {
  check_derivatives(ReLU<double>{}, {3, 7});
  check_derivatives(ReLU<double, Reference>{}, {2, 3, 2, 1});
}

TEST_CASE("ReLU is max(x, 0), and a NaN stays one") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto y = output_of(ReLU<float>{}, tensor<float>({1, 6}, {-1, 0, 2, infinity, -infinity, std::nanf("")})).to_host();
  CHECK(std::vector(y.begin(), y.end() - 1) == std::vector<float>{0, 0, 2, infinity, 0});
  CHECK(std::isnan(y.back()));
}
