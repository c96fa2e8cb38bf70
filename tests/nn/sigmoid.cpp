// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/sigmoid.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Sigmoid has the derivatives that it says") {
  check_derivatives(Sigmoid<double>{}, {3, 7});
  check_derivatives(Sigmoid<double, Reference>{}, {2, 5});
}

TEST_CASE("Sigmoid is safe far out, and a NaN stays one") {
  const auto y = output_of(Sigmoid<float>{}, tensor<float>({1, 5}, {-1000, 1000, 0, 1, std::nanf("")}));
  CHECK(y[0] == 0);
  CHECK(y[1] == 1);
  CHECK(y[2] == 0.5f);
  CHECK(y[3] == doctest::Approx(0.7310586).epsilon(1e-6));
  CHECK(std::isnan(y[4]));
}
