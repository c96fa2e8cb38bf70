// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/dense.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Dense has the derivatives that it says") {
  check_derivatives(Dense<double>{5, 3}, {4, 5});
  check_derivatives(Dense<double>{17, 1, {.bias = false}}, {3, 17});
  check_derivatives(Dense<double, Reference>{1, 4}, {1, 1});
}
