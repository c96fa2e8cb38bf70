// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/identity.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Identity has the derivatives that it says") { check_derivatives(Identity<double>{}, {3, 4}); }

TEST_CASE("Identity changes nothing") {
  const auto x = random_tensor<float>({2, 3, 4, 1});
  const auto y = output_of(Identity{}, x);
  CHECK(y.shape() == x.shape());
  CHECK(y.to_host() == x.to_host());
}
