// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/maxout.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Maxout has the derivatives that it says") {
  check_derivatives(Maxout<double>{6, 4, {.pieces = 3}}, {5, 6});
  check_derivatives(Maxout<double>{4, 2, {.pieces = 1}}, {3, 2, 2, 1});
  check_derivatives(Maxout<double>{2, 1}, {7, 2});
  check_derivatives(Maxout<double, Reference>{3, 2, {.pieces = 2}}, {2, 3});
}

TEST_CASE("Maxout takes the maximum over the pieces of one sample and one unit") {
  // One input, two units of three pieces: unit 0 has slopes 1, −1, 0.5, unit 1 has 2, 0, −3 and a bias of 1 on the second.
  Maxout<double> layer{1, 2, {.pieces = 3}};
  set_state(layer, "weight", {1, -1, 0.5, 2, 0, -3});
  set_state(layer, "bias", {0, 0, 0, 0, 1, 0});
  const auto y = output_of(layer, tensor<double>({3, 1}, {2, -4, 0.1}));
  CHECK(y.shape() == Shape{3, 2});
  CHECK(y.to_host() == std::vector<double>{2, 4, 4, 12, 0.1, 1});

  // A sample's output does not change with its neighbours.
  const auto alone = output_of(layer, tensor<double>({1, 1}, {-4}));
  CHECK(alone.to_host() == std::vector<double>{4, 12});
}

TEST_CASE("a tie of Maxout goes to the first piece, and its gradient to that alone") {
  Maxout<double> layer{1, 1, {.pieces = 3}};
  FlatParameters<double, Cpu> flat(layer);
  set_state(layer, "weight", {1, 3, 3});
  Context<Cpu> context(1);
  const auto x = tensor<double>({1, 1}, {1}), dy = tensor<double>({1, 1}, {10});
  Tensor<double> y, dx, gradient = Tensor<double>::zeros({6});
  Gradients<double, Cpu> gradients(gradient);
  Maxout<double>::Saved saved;
  layer.forward({context}, x, y, &saved);
  layer.backward({context}, x, y, saved, dy, &dx, &gradients);
  CHECK(y[0] == 3);
  CHECK(dx[0] == 30);
  CHECK(gradient.to_host() == std::vector<double>{0, 10, 0, 0, 10, 0});
}

TEST_CASE("a NaN in any piece of Maxout is seen") {
  for (std::size_t piece = 0; piece < 3; ++piece) {
    Maxout<double> layer{1, 1, {.pieces = 3}};
    std::vector<double> bias{1, 2, 3};
    bias[piece] = std::nan("");
    set_state(layer, "bias", bias);
    CHECK(std::isnan(output_of(layer, tensor<double>({1, 1}, {0}))[0]));
  }
}

TEST_CASE("Maxout refuses what does not fit") {
  const Maxout layer{5, 3};
  CHECK(message_of<ShapeError>([&] { layer.output_shape({4, 6}); }) ==
        "Maxout: expected N×5 inputs, got 4×6.\nBuild Maxout{6, 3} or change the layer before it.");
  CHECK(message_of<ShapeError>([] { Maxout(0, 3); }).find("Maxout: expected a number of inputs of at least 1, got 0.") == 0);
  CHECK(message_of<ShapeError>([] { Maxout(3, 0); }).find("Maxout: expected a number of outputs of at least 1, got 0.") == 0);
  CHECK(message_of<ShapeError>([] { Maxout(3, 1, {.pieces = 0}); }).find("Maxout: expected a number of pieces of at least 1, got 0.") == 0);
  CHECK(message_of<ShapeError>([] { Maxout(3, -1, {.pieces = -1}); }) != "");
}
