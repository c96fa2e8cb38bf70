// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/dense.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Dense has the derivatives that it says") {
  check_derivatives(Dense<double>{5, 3}, {4, 5});
  check_derivatives(Dense<double>{17, 1, {.bias = false}}, {3, 17});
  check_derivatives(Dense<double, Reference>{1, 4}, {1, 1});
  check_derivatives(Dense<double>{12, 5}, {3, 2, 3, 2});
}

TEST_CASE("Dense is x times the transposed weight, plus the bias") {
  Dense<float> layer{2, 3};
  set_state(layer, "weight", {1, 2, 3, 4, 5, 6});
  set_state(layer, "bias", {0.5f, 0, -0.5f});
  const auto y = output_of(layer, tensor<float>({2, 2}, {1, 10, 2, -1}));
  CHECK(y.shape() == Shape{2, 3});
  CHECK(y.to_host() == std::vector<float>{21.5f, 43, 64.5f, 0.5f, 2, 3.5f});
}

TEST_CASE("Dense takes images as they lie, and batches of none") {
  Dense<float> layer{12, 2};
  CHECK(layer.output_shape({5, 2, 3, 2}) == Shape{5, 2});
  CHECK(output_of(layer, Tensor<float>(Shape{0, 12})).shape() == Shape{0, 2});
}

TEST_CASE("Dense refuses what does not fit") {
  const Dense layer{5, 3};
  const auto message = [&](const Shape& shape) { return message_of<ShapeError>([&] { layer.output_shape(shape); }); };
  CHECK(message({4, 6}) == "Dense: expected N×5 inputs, got 4×6.\nBuild Dense{6, 3} or change the layer before it.");
  CHECK(message({4, 2, 3, 1}) == "Dense: expected N×5 inputs, got 4×2×3×1.\nBuild Dense{6, 3} or change the layer before it.");
  CHECK(message({}) == "Dense: expected N×5 inputs, got scalar.\nBuild Dense{1, 3} or change the layer before it.");
  CHECK(message_of<ShapeError>([] { Dense(0, 3); }) == "Dense: expected a number of inputs of at least 1, got 0.\nCheck the layer's arguments.");
  CHECK(message_of<ShapeError>([] { Dense(3, -1); }) == "Dense: expected a number of outputs of at least 1, got -1.\nCheck the layer's arguments.");
}

TEST_CASE("gradients need parameters that are bound to a flat tensor") {
  const auto layer = initialised(Dense<double>{2, 2});
  Context<Cpu> context(1);
  const auto x = random_tensor({3, 2});
  Tensor<double> y, flat(Shape{6});
  NoSaved saved;
  layer.forward({context}, x, y, &saved);
  Gradients<double, Cpu> gradients(flat);
  CHECK(message_of<Error>([&] { layer.backward({context}, x, y, saved, y, nullptr, &gradients); }) ==
        "Gradients: the parameter is not bound to a flat tensor.\nPut the layer into a network, or use FlatParameters.");
}
