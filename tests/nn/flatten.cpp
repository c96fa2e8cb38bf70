// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/flatten.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Flatten has the derivatives that it says") { check_derivatives(Flatten<double>{}, {3, 2, 2, 2}); }

TEST_CASE("Flatten keeps the samples and the values in their order") {
  const auto x = random_tensor<float>({2, 2, 2, 3});
  const auto y = output_of(Flatten{}, x);
  CHECK(y.shape() == Shape{2, 12});
  CHECK(y.to_host() == x.to_host());
  CHECK(message_of<ShapeError>([] { Flatten{}.output_shape({}); }) ==
        "Flatten: expected a batch of samples, got scalar.\nGive the tensor an axis for the samples.");
}
