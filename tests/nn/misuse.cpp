// SPDX-License-Identifier: Apache-2.0
//
// What a layer must refuse, or get right all the same, when it is used in an order that nobody planned for.
#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/model/network.hpp"
#include "nash/nn/layers.hpp"
#include "nash/optim/sgd.hpp"

using namespace nash;

namespace {

using Values = Tensor<double>;

auto critic() { return Network{Sequential{Dense<double>{3, 4}, Tanh<double>{}, SpectralNorm{Dense<double>{4, 1}}}, "Critic"}; }

template <class N>
std::vector<double> output(const N& network) {
  Context<> context(1);
  Values x(Shape{2, 3}, std::vector<double>{1, -2, 3, 0.5, 0, -1}), y;
  network.forward({context}, x, y, nullptr);
  return y.to_host();
}

}  // namespace

TEST_CASE("initialise: equal seeds give equal networks, however often they were copied or drawn before") {
  auto fresh = critic();
  fresh.initialise(1);
  const std::vector<double> expected = output(fresh);

  auto copied = critic();
  auto copy = copied;
  copy.initialise(1);
  CHECK(output(copy) == expected);

  fresh.initialise(2);
  CHECK(output(fresh) != expected);
  fresh.initialise(1);
  CHECK(output(fresh) == expected);
}

TEST_CASE("Sequential: a backward pass without a saved forward pass is an error") {
  auto network = critic();
  network.initialise(1);
  Context<> context(1);
  decltype(network)::Saved saved;
  Values x = Values::zeros({2, 3}), y = Values::zeros({2, 1}), dx;
  CHECK(message_of<Error>([&] { network.backward({context}, x, y, saved, y, &dx, nullptr); }).find("Run forward with this saved state first") !=
        std::string::npos);
}

TEST_CASE("Sequential: saved state of a network of other layers, whose type is the same, is refused and then made anew") {
  const Sequential norm{Dense<double>{2, 2}, BatchNorm<double>{2}};
  const Sequential maxout{Dense<double>{2, 2}, Maxout<double>{2, 2}};
  Context<> context(1);
  const Pass<Cpu> pass{context, Mode::train};
  const Values x(Shape{3, 2}, std::vector<double>{1, -2, 3, 0.5, 0, -1});
  decltype(norm)::Saved saved;
  Values y, dx;
  maxout.forward(pass, x, y, &saved);
  CHECK(message_of<Error>([&] { norm.backward(pass, x, y, saved, y, &dx, nullptr); }) ==
        "Sequential: a pass back without a forward pass that saved its state.\nRun forward with this saved state first.");
  norm.forward(pass, x, y, &saved);
  norm.backward(pass, x, y, saved, y, &dx, nullptr);
  CHECK(dx.shape() == Shape{3, 2});
}

TEST_CASE("Sequential: tangent_backward refuses what an earlier pass of second order left behind") {
  auto network = critic();
  network.initialise(1);
  Context<> context(1);
  const auto& body = network.body();
  decltype(network)::Saved saved;
  Values x = Values::zeros({2, 3}), one(Shape{2, 1}, std::vector<double>{1, 1}), y, dx, tangent;
  Values x_bar = Values::zeros({2, 3});
  const auto run = [&](bool second_order) {
    const Pass<Cpu> pass{context, Mode::train, {}, second_order};
    body.forward(pass, x, y, &saved);
    body.backward(pass, x, y, saved, one, &dx, nullptr);
    body.tangent(pass, x, y, saved, x, tangent);
    body.tangent_backward(pass, x, y, saved, x, one, &x_bar, nullptr);
  };
  CHECK_NOTHROW(run(true));
  CHECK(message_of<Error>([&] { run(false); }).find("with pass.second_order = true") != std::string::npos);
}

TEST_CASE("Parameter: a value assigned from a temporary lands among the network's flat parameters") {
  auto network = critic();
  network.initialise(1);
  for_each_parameter(network, [](const StateName&, auto& parameter) {
    parameter.value() = Values(parameter.shape(), std::vector<double>(static_cast<std::size_t>(parameter.count()), 0.25));
  });
  for (const double value : network.parameters()) CHECK(value == 0.25);
}

TEST_CASE("Network: a network assigned from a temporary keeps its own parameters") {
  auto network = critic(), other = critic();
  network.initialise(1);
  other.initialise(2);
  const std::vector<double> expected = output(other);
  network = decltype(other)(other);
  other.parameters()[0] += 1;
  CHECK(output(network) == expected);
  network.parameters()[0] += 1;
  CHECK(output(network) != expected);
}

TEST_CASE("BatchNorm: backward of an inference pass uses the statistics of its forward pass") {
  BatchNorm<double> layer(1);
  FlatParameters<double, Cpu> flat(layer);
  Context<> context(1);
  const Values x(Shape{3, 1}, std::vector<double>{1, 2, 6}), dy(Shape{3, 1}, std::vector<double>{1, 0, -1});
  initialise(context, layer, RandomStream(1));
  const auto scale_gradient = [&](bool move_between) {
    BatchNorm<double>::Saved saved, other;
    Values y, gradient = Values::zeros({2});
    Gradients<double, Cpu> gradients(gradient);
    layer.forward({context, Mode::infer}, x, y, &saved);
    if (move_between) {
      layer.forward({context, Mode::train}, x, y, &other);
      layer.commit(context, other);
    }
    layer.backward({context, Mode::infer}, x, y, saved, dy, nullptr, &gradients);
    return gradient.to_host();
  };
  const std::vector<double> expected = scale_gradient(false);
  CHECK(scale_gradient(true) == expected);
}

TEST_CASE("Optimizer: a schedule that is not finite reaches no parameter") {
  Context<> context(1);
  Values parameters(Shape{2}, std::vector<double>{1, 2}), gradients(Shape{2}, std::vector<double>{1, 1});
  Optimizer<double, Cpu> optimizer(Sgd{}, 2);
  for (const double factor : {std::nan(""), -1.0, HUGE_VAL})
    CHECK(message_of<NumericError>([&] { optimizer.step(context, parameters, gradients, factor); }).find("Correct the schedule") != std::string::npos);
  CHECK(parameters.to_host() == std::vector<double>{1, 2});
  CHECK(optimizer.steps() == 0);
}

TEST_CASE("Layers: sizes that are absurd are refused before they are multiplied") {
  CHECK(message_of<ShapeError>([] { Dense<double>{index_t{1} << 40, 1}; }).find("at most 2147483647") != std::string::npos);
  CHECK_THROWS_AS((Conv2d<double>{1 << 30, 1 << 30, {.kernel = 1 << 30}}), Error);
  CHECK_THROWS_AS((Maxout<double>{4, 1 << 30, {.pieces = index_t{1} << 62}}), Error);
  CHECK_THROWS_AS((Dense<double>{1 << 30, 1 << 30}), Error);
}

TEST_CASE("Network: parameters that are assigned arrive where the layers look for them, and of another number are refused") {
  auto network = critic();
  network.initialise(1);
  network.parameters() = Values::zeros(network.parameters().shape());
  CHECK(output(network) == std::vector<double>{0, 0});
  auto moved = std::move(network);
  moved.parameters() = Values::filled(moved.parameters().shape(), 0.5);
  CHECK(output(moved)[0] != 0);
  CHECK(message_of<ShapeError>([&] { moved.parameters() = Values::zeros({100}); }).find("elements of borrowed memory") != std::string::npos);
}

TEST_CASE("Network: backward refuses gradients of other shapes than forward's result and than the parameters") {
  auto network = critic();
  network.initialise(1);
  Context<> context(1);
  decltype(network)::Saved saved;
  const Values x = Values::zeros({6, 3});
  Values y, dx;
  network.forward({context}, x, y, &saved);
  const Values few_rows = Values::zeros({2, 1});
  CHECK(message_of<ShapeError>([&] { network.backward({context}, x, y, saved, few_rows, &dx, nullptr); }) ==
        "Critic: expected y and dy of the shape that 6×3 gives, 6×1, got 6×1 and 2×1.\nRun forward on this x first, and take the gradient of its y.");
  Values flat = Values::zeros({5});
  Gradients<double, Cpu> grads(flat);
  CHECK(message_of<ShapeError>([&] { network.backward({context}, x, y, saved, y, &dx, &grads); }).find("21 gradients, one a parameter, got 5") !=
        std::string::npos);
}

TEST_CASE("BatchNorm: backward refuses saved state that no forward pass has filled") {
  BatchNorm<double> norm{3};
  Context<> context(1);
  BatchNorm<double>::Saved saved;
  const Values x = Values::zeros({4, 3});
  Values dx;
  CHECK(message_of<Error>([&] { norm.backward({context, Mode::train}, x, x, saved, x, &dx, nullptr); }).find("Run forward with this saved state first") !=
        std::string::npos);
}
