// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/conv2d.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Conv2d has the derivatives that it says") {
  check_derivatives(Conv2d<double>{2, 3, {.kernel = 4, .stride = 2, .padding = 1}}, {2, 6, 7, 2});
  check_derivatives(Conv2d<double>{1, 2, {.kernel = 3}}, {3, 5, 4, 1});
  check_derivatives(Conv2d<double>{3, 2, {.kernel = 1, .stride = 2, .bias = false}}, {1, 5, 4, 3});
  check_derivatives(Conv2d<double>{1, 1, {.kernel = 2, .stride = 3, .padding = 1}}, {2, 6, 5, 1});
  check_derivatives(Conv2d<double>{1, 2, {.kernel = 2, .padding = 3}}, {1, 2, 3, 1});
  check_derivatives(Conv2d<double, Reference>{2, 1, {.kernel = 3, .stride = 2, .padding = 1}}, {1, 4, 3, 2});
}

TEST_CASE("Conv2d is a cross-correlation over channels-last images") {
  Conv2d<float> layer{1, 2, {.kernel = 2}};
  set_state(layer, "weight", {1, 2, 3, 4, 0, 0, 0, 1});  // 2×2×2×1
  set_state(layer, "bias", {0, 100});
  const auto y = output_of(layer, tensor<float>({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6}));
  CHECK(y.shape() == Shape{1, 1, 2, 2});
  CHECK(y.to_host() == std::vector<float>{1 + 4 + 12 + 20, 105, 2 + 6 + 15 + 24, 106});
}

TEST_CASE("Conv2d gives images of ⌊(size + 2·padding − kernel) / stride⌋ + 1 pixels") {
  CHECK(Conv2d{1, 64, {.kernel = 4, .stride = 2, .padding = 1}}.output_shape({3, 28, 28, 1}) == Shape{3, 14, 14, 64});
  CHECK(Conv2d{3, 5, {.kernel = 3}}.output_shape({3, 3, 4, 3}) == Shape{3, 1, 2, 5});
  CHECK(Conv2d{3, 5, {.kernel = 2, .stride = 3}}.output_shape({1, 8, 10, 3}) == Shape{1, 3, 3, 5});
}

TEST_CASE("Conv2d refuses what does not fit") {
  const Conv2d layer{1, 3, {.kernel = 5, .padding = 1}};
  const auto message = [&](const Shape& shape) { return message_of<ShapeError>([&] { layer.output_shape(shape); }); };
  CHECK(message({64, 28, 28, 3}) == "Conv2d: expected N×H×W×1 images, got 64×28×28×3.\nBuild Conv2d{3, …} or convert the images to grey.");
  CHECK(message({64, 784}) == "Conv2d: expected N×H×W×1 images, got 64×784.\nPut a Reshape{H, W, C} before it.");
  CHECK(message({2, 3, 2, 1}) == "Conv2d: expected images of at least 3×3 pixels, got 2×3×2×1.\nUse a smaller kernel or more padding.");
  CHECK(layer.output_shape({2, 3, 3, 1}) == Shape{2, 1, 1, 3});

  const auto built = [](index_t in, index_t out, const Conv2dOptions& options) {
    return message_of<ShapeError>([&] { Conv2d(in, out, options); });
  };
  CHECK(built(0, 1, {}).find("Conv2d: expected a number of input channels of at least 1, got 0.") == 0);
  CHECK(built(1, -2, {}).find("Conv2d: expected a number of output channels of at least 1, got -2.") == 0);
  CHECK(built(1, 1, {.kernel = 0}).find("Conv2d: expected a kernel of at least 1, got 0.") == 0);
  CHECK(built(1, 1, {.stride = 0}).find("Conv2d: expected a stride of at least 1, got 0.") == 0);
  CHECK(built(1, 1, {.padding = -1}).find("Conv2d: expected a padding of at least 0, got -1.") == 0);
}
