// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/avg_pool2d.hpp"
#include "nash/nn/pixel_shuffle.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("AvgPool2d and PixelShuffle have the derivatives that they say") {
  check_derivatives(AvgPool2d<double>{}, {2, 4, 6, 3});
  check_derivatives(AvgPool2d<double>{{.kernel = 3, .stride = 2}}, {2, 8, 7, 2});  // windows overlap, and a row is left over
  check_derivatives(AvgPool2d<double>{{.kernel = 1, .stride = 3}}, {2, 5, 4, 2});  // pixels between windows
  check_derivatives(AvgPool2d<double, Reference>{{.kernel = 3}}, {1, 7, 3, 1});
  check_derivatives(PixelShuffle<double>{2}, {2, 2, 3, 8});
  check_derivatives(PixelShuffle<double, Reference>{3}, {2, 2, 1, 9});
  static_assert(!AvgPool2d<>::curved && !PixelShuffle<>::curved);
}

TEST_CASE("AvgPool2d takes the mean of each window, PixelShuffle lays channels out as pixels") {
  const auto x = tensor<float>({1, 2, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(output_of(AvgPool2d{}, x).to_host() == std::vector<float>{3.5, 5.5});
  CHECK(output_of(AvgPool2d{{.kernel = 2, .stride = 1}}, x).to_host() == std::vector<float>{3.5, 4.5, 5.5});
  const auto y = output_of(PixelShuffle{2}, tensor<float>({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(y.shape() == Shape{1, 2, 4, 1});
  CHECK(y.to_host() == std::vector<float>{1, 2, 5, 6, 3, 4, 7, 8});
}

TEST_CASE("what they refuse") {
  CHECK(message_of<ShapeError>([] { (void)AvgPool2d{{.kernel = 3}}.output_shape({2, 2, 5, 1}); }) ==
        "AvgPool2d: expected N×H×W×C images of at least 3 pixels a side, got 2×2×5×1.\nUse a smaller kernel or change the layer before it.");
  CHECK(message_of<ShapeError>([] { AvgPool2d{{.kernel = 0}}; }).starts_with("AvgPool2d: expected a kernel of at least 1, got 0"));
  CHECK(message_of<ShapeError>([] { (void)PixelShuffle{2}.output_shape({2, 2, 5, 6}); }) ==
        "PixelShuffle: expected N×H×W×C images, C a multiple of 4, got 2×2×5×6.\nChange the layer before it.");
  CHECK(message_of<ShapeError>([] { PixelShuffle{0}; }).starts_with("PixelShuffle: expected a factor of at least 1, got 0"));
}
