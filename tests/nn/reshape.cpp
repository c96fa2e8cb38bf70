// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/reshape.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Reshape has the derivatives that it says") { check_derivatives(Reshape<double>{2, 3, 2}, {3, 12}); }

TEST_CASE("Reshape keeps the values in their order") {
  const auto x = random_tensor<float>({2, 12});
  const auto y = output_of(Reshape{2, 2, 3}, x);
  CHECK(y.shape() == Shape{2, 2, 2, 3});
  CHECK(y.to_host() == x.to_host());
}

TEST_CASE("Reshape refuses what does not fit") {
  const Reshape layer{7, 7, 256};
  CHECK(message_of<ShapeError>([&] { layer.output_shape({4, 100}); }) ==
        "Reshape: expected 12544 values a sample, for N×7×7×256, got 4×100.\nMake the sizes agree with the layer before it.");
  CHECK(message_of<ShapeError>([&] { layer.output_shape({}); }).find("got scalar") != std::string::npos);
  CHECK(message_of<ShapeError>([] { Reshape{0, 7, 1}; }) == "Reshape: expected a height of at least 1, got 0.\nCheck the layer's arguments.");
  CHECK(message_of<ShapeError>([] { Reshape{7, -1, 1}; }).find("Reshape: expected a width of at least 1, got -1.") == 0);
  CHECK(message_of<ShapeError>([] { Reshape{7, 7, 0}; }).find("Reshape: expected a number of channels of at least 1, got 0.") == 0);
}
