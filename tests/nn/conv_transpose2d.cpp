// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/conv_transpose2d.hpp"

#include "nash/nn/conv2d.hpp"
#include "nash/nn/sequential.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

struct Case {
  ConvTranspose2dOptions options;
  index_t height, width;
};

const Case cases[] = {
    {{.kernel = 4, .stride = 2, .padding = 1}, 3, 2},
    {{.kernel = 3, .stride = 1, .padding = 0}, 2, 4},
    {{.kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}, 2, 3},
    {{.kernel = 5, .stride = 3, .padding = 2, .output_padding = 2}, 2, 2},
    {{.kernel = 2, .stride = 3, .padding = 0, .bias = false}, 2, 3},                     // pixels that no filter reaches
    {{.kernel = 1, .stride = 2, .padding = 0, .output_padding = 1}, 3, 1},
    {{.kernel = 4, .stride = 2, .padding = 3}, 4, 3},
};

/// The definition: every input pixel adds its filter to the output at stride times its position.
Tensor<double> scattered(const Tensor<double>& x, const std::vector<double>& w, const std::vector<double>& bias, const Shape& shape,
                         const ConvTranspose2dOptions& o) {
  const index_t in = x.shape()[3], out = shape[3];
  Tensor<double> y = Tensor<double>::zeros(shape);
  for (index_t i = 0; i < y.count(); ++i) y[i] = bias.empty() ? 0 : bias[static_cast<std::size_t>(i % out)];
  for (index_t n = 0; n < shape[0]; ++n)
    for (index_t h = 0; h < x.shape()[1]; ++h)
      for (index_t v = 0; v < x.shape()[2]; ++v)
        for (index_t r = 0; r < o.kernel; ++r)
          for (index_t s = 0; s < o.kernel; ++s) {
            const index_t p = h * o.stride + r - o.padding, q = v * o.stride + s - o.padding;
            if (p < 0 || q < 0 || p >= shape[1] || q >= shape[2]) continue;
            for (index_t c = 0; c < in; ++c)
              for (index_t k = 0; k < out; ++k)
                y[((n * shape[1] + p) * shape[2] + q) * out + k] +=
                    x[((n * x.shape()[1] + h) * x.shape()[2] + v) * in + c] *
                    w[static_cast<std::size_t>(((c * o.kernel + r) * o.kernel + s) * out + k)];
          }
  return y;
}

}  // namespace

TEST_CASE("ConvTranspose2d has the derivatives that it says") {
  for (const Case& c : cases) {
    CAPTURE(c.options.kernel);
    CAPTURE(c.options.stride);
    check_derivatives(ConvTranspose2d<double>{2, 3, c.options}, {2, c.height, c.width, 2}, {.elements = 60});
  }
  check_derivatives(ConvTranspose2d<double, Reference>{3, 1, cases[2].options}, {1, 2, 2, 3}, {.elements = 60});
}

TEST_CASE("ConvTranspose2d adds its filter to the output at every input pixel") {
  for (const Case& c : cases) {
    CAPTURE(c.options.kernel);
    CAPTURE(c.options.stride);
    auto layer = initialised(ConvTranspose2d<double>{2, 3, c.options});
    if (c.options.bias) set_state(layer, "bias", {1, 2, 3});
    const auto x = random_tensor({2, c.height, c.width, 2});
    const auto y = output_of(layer, x);
    const auto size = [&](index_t s) {
      return (s - 1) * c.options.stride - 2 * c.options.padding + c.options.kernel + c.options.output_padding;
    };
    CHECK(y.shape() == Shape{2, size(c.height), size(c.width), 3});
    CHECK(difference(y, scattered(x, state_of(layer, "weight"), state_of(layer, "bias"), y.shape(), c.options)) < 1e-14);
  }
}

TEST_CASE("ConvTranspose2d is the adjoint of the convolution with its filters") {
  ConvTranspose2d<double> back{3, 2, {.kernel = 4, .stride = 2, .padding = 1, .bias = false}};
  back = initialised(back);
  Conv2d<double> forth{2, 3, {.kernel = 4, .stride = 2, .padding = 1, .bias = false}};
  set_state(forth, "weight", state_of(back, "weight"));
  const auto x = random_tensor({2, 8, 6, 2}, 1), y = random_tensor({2, 4, 3, 3}, 2);
  const auto forwards = output_of(forth, x), backwards = output_of(back, y);
  CHECK(testing::inner_product(forwards.to_host(), y.to_host()) ==
        doctest::Approx(testing::inner_product(x.to_host(), backwards.to_host())).epsilon(1e-13));
}

TEST_CASE("ConvTranspose2d refuses what does not fit") {
  const ConvTranspose2d layer{8, 3, {.kernel = 2, .padding = 2}};
  const auto message = [&](const Shape& shape) { return message_of<ShapeError>([&] { layer.output_shape(shape); }); };
  CHECK(message({4, 7, 7, 3}) == "ConvTranspose2d: expected N×H×W×8 images, got 4×7×7×3.\nBuild ConvTranspose2d{3, …}.");
  CHECK(message({4, 8}) == "ConvTranspose2d: expected N×H×W×8 images, got 4×8.\nPut a Reshape{H, W, C} before it.");
  CHECK(message({4, 3, 4, 8}) == "ConvTranspose2d: expected images that leave at least one pixel, got 4×3×4×8.\nUse less padding or a larger kernel.");
  CHECK(message({4, 0, 4, 8}).find("ConvTranspose2d: expected images that leave at least one pixel, got 4×0×4×8.") == 0);
  CHECK(layer.output_shape({4, 4, 5, 8}) == Shape{4, 1, 2, 3});
  // With a kernel larger than the stride, the formula gives pixels even for images that have none.
  const ConvTranspose2d wide{1, 1, {.kernel = 4, .stride = 2}};
  CHECK(message_of<ShapeError>([&] { wide.output_shape({4, 0, 4, 1}); }).find("ConvTranspose2d: expected images that leave") == 0);

  // Sizes beyond index_t, which three layers reach.
  const ConvTranspose2d spread{1, 1, {.kernel = 1, .stride = 2147483647}};
  const Shape larger = spread.output_shape(spread.output_shape({1, 2, 1, 1}));
  CHECK(larger == Shape{1, (index_t{1} << 62) - (index_t{1} << 32) + 2, 1, 1});
  const std::string beyond = message_of<ShapeError>([&] { spread.output_shape(larger); });
  CHECK(beyond == concat({"ConvTranspose2d: expected images that become at most ", std::numeric_limits<index_t>::max() / 2, " pixels high and wide, got ",
                         larger, ".\nUse smaller strides or fewer layers."}));
  CHECK(message_of<ShapeError>([&] { spread.output_shape({1, 1, larger[1], 1}); }) != "");
  const Sequential three{spread, spread, spread};
  CHECK(message_of<ShapeError>([&] { three.output_shape({1, 2, 2, 1}); }).starts_with("ConvTranspose2d (layer 2): expected images that become"));

  const auto built = [](const ConvTranspose2dOptions& options) { return message_of<ShapeError>([&] { ConvTranspose2d(1, 1, options); }); };
  CHECK(built({.stride = 2, .output_padding = 2}) ==
        "ConvTranspose2d: expected an output padding below the stride of 2, got 2.\nChoose a smaller output padding.");
  CHECK(built({.output_padding = -1}).find("ConvTranspose2d: expected an output padding of at least 0, got -1.") == 0);
  CHECK(built({.kernel = 0}).find("ConvTranspose2d: expected a kernel of at least 1, got 0.") == 0);
  CHECK(built({.stride = 0}).find("ConvTranspose2d: expected a stride of at least 1, got 0.") == 0);
  CHECK(built({.padding = -3}).find("ConvTranspose2d: expected a padding of at least 0, got -3.") == 0);
  CHECK(message_of<ShapeError>([] { ConvTranspose2d(0, 1); }).find("ConvTranspose2d: expected a number of input channels") == 0);
  CHECK(message_of<ShapeError>([] { ConvTranspose2d(1, 0); }).find("ConvTranspose2d: expected a number of output channels") == 0);
}
