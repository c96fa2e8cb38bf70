// SPDX-License-Identifier: Apache-2.0
#include "nash/io/image.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "message_of.hpp"

using namespace nash;

TEST_CASE_TEMPLATE("to_pixel: every byte comes back from its value in [-1, 1]", T, float, double) {
  for (int byte = 0; byte < 256; ++byte) CHECK(int{to_pixel(static_cast<T>(byte / 127.5 - 1.0))} == byte);
}

TEST_CASE("to_pixel: rounds to nearest, clamps, and is defined for what is no number") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(int{to_pixel(0.0)} == 128);  // 127.5, half up
  CHECK(int{to_pixel(-1.0 + 0.49 / 127.5)} == 0);
  CHECK(int{to_pixel(-1.0 + 0.51 / 127.5)} == 1);
  CHECK(int{to_pixel(1.0 - 0.51 / 127.5)} == 254);
  for (const double high : {1.001, 1.007, 1e300, infinity}) CHECK(int{to_pixel(high)} == 255);
  for (const double low : {-1.001, -1.007, -1e300, -infinity, std::numeric_limits<double>::quiet_NaN()})
    CHECK(int{to_pixel(low)} == 0);
}

TEST_CASE("image_grid: three grey images in two columns") {
  const Tensor<float> images({3, 1, 2, 1}, std::vector<float>{-1, 1, 1, -1, -1, -1});
  const Image grid = image_grid(images, {.columns = 2, .padding = 1, .background = 7});
  CHECK(grid.height == 5);
  CHECK(grid.width == 7);
  CHECK(grid.channels == 1);
  const std::vector<std::uint8_t> expected{7, 7, 7,   7, 7,   7, 7,  //
                                           7, 0, 255, 7, 255, 0, 7,  //
                                           7, 7, 7,   7, 7,   7, 7,  //
                                           7, 0, 0,   7, 7,   7, 7,  //
                                           7, 7, 7,   7, 7,   7, 7};
  CHECK(grid.pixels == expected);
}

TEST_CASE("image_grid: colour, no padding, the squarest grid, any device with host memory") {
  const Tensor<double, Reference> images({2, 1, 1, 3}, std::vector<double>{-1, 0, 1, 1, 1, -1});
  const Image grid = image_grid(images, {.padding = 0});
  CHECK(grid.height == 1);
  CHECK(grid.width == 2);
  CHECK(grid.pixels == std::vector<std::uint8_t>{0, 128, 255, 255, 255, 0});
  CHECK(image_grid(Tensor<float>::zeros({64, 28, 28, 1})).width == 8 * 30 + 2);
  CHECK(image_grid(Tensor<float>::zeros({10, 1, 1, 1}), {.padding = 0}).width == 4);
}

TEST_CASE("image_grid: what is no number shows as a chequerboard, in colour too") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(image_grid(Tensor<float>({1, 2, 2, 1}, std::vector<float>{nan, nan, nan, 0.f}), {.padding = 0}).pixels ==
        std::vector<std::uint8_t>{255, 0, 0, 128});
  CHECK(image_grid(Tensor<float>({1, 1, 1, 3}, std::vector<float>{0.f, nan, 0.f}), {.padding = 0}).pixels ==
        std::vector<std::uint8_t>{255, 255, 255});
}

TEST_CASE("image_grid: values of [0, 1], or of any other range") {
  const Tensor<float> images({1, 1, 5, 1}, std::vector<float>{0, 0.2f, 1, -0.1f, 1.1f});
  CHECK(image_grid(images, {.padding = 0, .low = 0, .high = 1}).pixels == std::vector<std::uint8_t>{0, 51, 255, 0, 255});
  CHECK(image_grid(images, {.padding = 0, .low = -1, .high = 4}).pixels == std::vector<std::uint8_t>{51, 61, 102, 46, 107});
  for (int byte = 0; byte < 256; ++byte) CHECK(int{to_pixel(byte / 255.0, 0, 1)} == byte);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] : {std::pair{1.0, 1.0}, std::pair{1.0, -1.0}, std::pair{std::nan(""), 1.0}, std::pair{0.0, std::nan("")},
                                  std::pair{-infinity, 1.0}, std::pair{0.0, infinity}})
    CHECK(message_of<ShapeError>([&, l = low, h = high] { image_grid(images, {.low = l, .high = h}); }) ==
          concat({"image_grid: expected a finite black value below a finite white one, got ", low, " and ", high, ".\nUse -1 and 1."}));
}

TEST_CASE("image_grid: what is no batch of images") {
  const auto message = [](const Shape& shape, const GridOptions& options = {}) {
    return message_of<ShapeError>([&] { image_grid(Tensor<float>::zeros(shape), options); });
  };
  const std::string expected = "image_grid: expected N×H×W×C images with 1 or 3 channels, got ";
  const std::string remedy = ".\nGive at least one grey or colour image.";
  CHECK(message({64, 784}) == expected + "64×784" + remedy);
  CHECK(message({4, 28, 28, 2}) == expected + "4×28×28×2" + remedy);
  CHECK(message({0, 28, 28, 1}) == expected + "0×28×28×1" + remedy);
  CHECK(message({1, 2, 2, 1}, {.columns = -1}) ==
        "image_grid: expected columns and padding from 0 to 1048576, got -1 and 2.\nLeave them out or make them small.");
  CHECK(message({1, 2, 2, 1}, {.padding = std::numeric_limits<index_t>::max()})
            .starts_with("image_grid: expected columns and padding"));
}

TEST_CASE("enlarge: every pixel becomes a square") {
  const Image image{.height = 1, .width = 2, .channels = 3, .pixels = {1, 2, 3, 4, 5, 6}};
  const Image larger = enlarge(image, 2);
  CHECK(larger.height == 2);
  CHECK(larger.width == 4);
  CHECK(larger.pixels == std::vector<std::uint8_t>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  CHECK(enlarge(image, 1) == image);
  CHECK(message_of<ShapeError>([&] {
          enlarge(image, 0);
        }).starts_with("enlarge: expected a factor from 1 to 1073741823, got 0."));
}

TEST_CASE("check_image: what is no picture") {
  const auto message = [](const Image& image) { return message_of<ShapeError>([&] { check_image("here", image); }); };
  CHECK(message({.height = 0, .width = 2, .channels = 1, .pixels = {}}) ==
        "here: expected a picture of at least 1×1 pixels with 1 or 3 channels, got 0×2×1 with 0 bytes.\n"
        "Give grey or red, green and blue pixels.");
  CHECK(message({.height = 1, .width = 1, .channels = 4, .pixels = {0, 0, 0, 0}}).find("got 1×1×4 with 4 bytes") !=
        std::string::npos);
  CHECK(message({.height = 1, .width = 2, .channels = 1, .pixels = {0}}) ==
        "here: expected one byte a pixel and channel, got 1×2×1 with 1 bytes.\nCheck the sizes of the picture.");
}
