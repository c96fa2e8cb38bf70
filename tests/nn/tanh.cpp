// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/tanh.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Tanh has the derivatives that it says") {
  check_derivatives(Tanh<double>{}, {3, 7});
  check_derivatives(Tanh<double, Reference>{}, {1, 2, 3, 2});
}

TEST_CASE("Tanh stays within −1 and 1, and a NaN stays one") {
  const auto y = output_of(Tanh<double>{}, tensor<double>({1, 5}, {-1000, 1000, 0, 0.5, std::nan("")}));
  CHECK(y[0] == -1);
  CHECK(y[1] == 1);
  CHECK(y[2] == 0);
  CHECK(y[3] == doctest::Approx(0.46211715726000975).epsilon(1e-15));
  CHECK(std::isnan(y[4]));
}
