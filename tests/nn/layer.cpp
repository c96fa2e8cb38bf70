// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/layer.hpp"

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/sequential.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("copy_state copies parameters and buffers, into another scalar type and device too") {
  auto from = initialised(Sequential{Dense<double>{2, 3}, BatchNorm<double>{3}});
  set_state(from, "1.running_mean", {1, 2, 3});
  Sequential to{Dense<float, Reference>{2, 3}, BatchNorm<float, Reference>{3}};
  copy_state(from, to);
  CHECK(state_of(to, "1.running_mean") == std::vector<float>{1, 2, 3});
  const auto weight = state_of(from, "0.weight");
  CHECK(state_of(to, "0.weight") == std::vector<float>(weight.begin(), weight.end()));
}

TEST_CASE("copy_state refuses networks of another structure") {
  const Dense<float> with_bias{2, 3}, wide{3, 3};
  Dense<float> without{2, 3, {.bias = false}}, to{2, 3};
  CHECK(message_of<ShapeError>([&] { copy_state(wide, to); }) == "copy_state: 'weight' does not fit.\nCopy between networks of the same structure.");
  CHECK(message_of<ShapeError>([&] { copy_state(without, to); }) == "copy_state: 'bias' does not fit.\nCopy between networks of the same structure.");
  CHECK(message_of<ShapeError>([&] { copy_state(with_bias, without); }) ==
        "copy_state: expected 1 tensors of state, got 2.\nCopy between networks of the same structure.");
}

TEST_CASE("copy_state writes into a bound network's flat parameters") {
  const auto from = initialised(Dense<double>{2, 2});
  Dense<double> to{2, 2};
  const FlatParameters<double, Cpu> flat(to);
  copy_state(from, to);
  const auto weight = state_of(from, "weight");
  CHECK(std::equal(weight.begin(), weight.end(), flat.values().begin()));
}

TEST_CASE("equal streams initialise equal networks, others do not") {
  const auto net = [](std::uint64_t seed) { return initialised(Sequential{Dense{4, 4}, ReLU{}, Dense{4, 4}}, seed); };
  CHECK(state_of(net(1), "2.weight") == state_of(net(1), "2.weight"));
  CHECK(state_of(net(1), "2.weight") != state_of(net(2), "2.weight"));
  CHECK(state_of(net(1), "0.weight") != state_of(net(1), "2.weight"));
}

TEST_CASE("a pass gives its children streams of their own") {
  Context<Cpu> context(1);
  const Pass<Cpu> pass{context, Mode::train, RandomStream(3), true};
  CHECK(pass.child(0).random == RandomStream(3).child(0));
  CHECK(pass.child(0).random != pass.child(1).random);
  CHECK(pass.child(0).mode == Mode::train);
  CHECK(pass.child(0).second_order);
  CHECK_FALSE(pass.first_order().second_order);
  CHECK(pass.first_order().random == pass.random);
}
