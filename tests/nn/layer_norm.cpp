// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/layer_norm.hpp"

#include "nash/nn/conv2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/testing/penalty_check.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("LayerNorm has the derivatives that it says") {
  check_derivatives(LayerNorm<double>{3}, {4, 2, 3, 3});
  check_derivatives(LayerNorm<double>{7, {.epsilon = 0.1}}, {3, 7});
  check_derivatives(LayerNorm<double, Reference>{2}, {2, 300, 2});  // more than one piece of a row
}

TEST_CASE("LayerNorm takes mean and variance over all values of a sample, and scales each channel") {
  LayerNorm<double> layer{2};
  set_state(layer, "weight", {2, 3});
  set_state(layer, "bias", {0.5, -1});
  const auto y = output_of(layer, tensor<double>({2, 2, 2}, {1, 2, 3, 6, 0, 0, 0, 8}));
  const double first = std::sqrt(3.5 + 1e-5), second = std::sqrt(12 + 1e-5);  // means 3 and 2
  const std::vector<double> expected{2 * -2 / first + 0.5, 3 * -1 / first - 1, 0.5, 3 * 3 / first - 1,
                                     2 * -2 / second + 0.5, 3 * -2 / second - 1, 2 * -2 / second + 0.5, 3 * 6 / second - 1};
  for (index_t i = 0; i < 8; ++i) CHECK(y[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-14));
}

TEST_CASE("LayerNorm sees each sample by itself: gradient penalties through it are exact") {
  static_assert(!LayerNorm<>::couples_samples && TwiceDifferentiable<LayerNorm<>>);
  for (const double target : {0.0, 1.0}) {
    const auto report = testing::penalty_check(
        Sequential{Conv2d<double>{1, 3, {.kernel = 4, .stride = 2, .padding = 1}}, LayerNorm<double>{3}, LeakyReLU<double>{0.2}, Dense<double>{48, 1}},
        {3, 8, 8, 1}, target);
    CHECK_MESSAGE(report.ok, report.text);
  }
}

TEST_CASE("what LayerNorm refuses") {
  CHECK(message_of<ShapeError>([] { LayerNorm{0}; }).starts_with("LayerNorm: expected a number of channels of at least 1, got 0"));
  CHECK(message_of<ShapeError>([] { LayerNorm(3, {.epsilon = 0}); }) == "LayerNorm: expected a positive, finite epsilon, got 0.\nUse 1e-5.");
  CHECK(message_of<ShapeError>([] { (void)LayerNorm{3}.output_shape({2, 4}); }) ==
        "LayerNorm: expected N×…×3 values, got 2×4.\nBuild LayerNorm{4} or change the layer before it.");
}
