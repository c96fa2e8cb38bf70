// SPDX-License-Identifier: Apache-2.0
#include "nash/model/network.hpp"

#include "model/networks.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

namespace {

auto small_network() {
  return Network{Sequential{SpectralNorm{Dense{4, 3}}, BatchNorm{3}, Tanh{}, Dropout{0.5}, Dense{3, 2}}, "Classifier"};
}

template <class N>
std::vector<double> state_values(const N& network) {
  std::vector<double> values;
  N::visit_state(network, [&](const StateName&, const auto& state) {
    for (const auto value : state.value().to_host()) values.push_back(static_cast<double>(value));
  });
  return values;
}

Tensor<float> some_inputs() {
  Tensor<float> x(Shape{3, 4});
  for (index_t i = 0; i < x.count(); ++i) x[i] = static_cast<float>(RandomStream(5).normal(i));
  return x;
}

template <class N>
std::vector<float> outputs(const N& network) {
  Context<Cpu> context(1);
  Tensor<float> y;
  network.forward({context, Mode::infer}, some_inputs(), y, nullptr);
  return y.to_host();
}

}  // namespace

TEST_CASE("a network is not ready before it is initialised or loaded, and says so") {
  auto network = small_network();
  CHECK_FALSE(network.is_ready());
  CHECK(message_of<Error>([&] { outputs(network); }) ==
        "Classifier: the parameters are not set.\nCall initialise(seed), load them, or hand the network to a GanTrainer.");
  const Generator generator{Latent::normal(4), Sequential{Dense{4, 2}}};
  const Discriminator discriminator{Sequential{Dense{4, 1}}};
  Context<Cpu> context(1);
  Tensor<float> y;
  CHECK(message_of<Error>([&] { (void)generator.generate(context, RandomStream(), 3); }).starts_with("Generator: the parameters are not set."));
  CHECK(message_of<Error>([&] { discriminator.discriminate(context, some_inputs(), y); }).starts_with("Discriminator: the parameters are not set."));
  network.initialise(1);
  CHECK(network.is_ready());
  auto loaded = small_network();
  loaded.mark_loaded(context);
  CHECK(loaded.is_ready());
}

TEST_CASE("equal seeds give equal networks") {
  auto a = small_network(), b = small_network(), c = small_network();
  a.initialise(1);
  b.initialise(1);
  c.initialise(2);
  CHECK(state_values(a) == state_values(b));
  CHECK(state_values(a) != state_values(c));
  Context<Cpu> context(2);
  c.initialise(context, RandomStream(1));
  CHECK(state_values(a) == state_values(c));
  CHECK(outputs(a) == outputs(c));
}

TEST_CASE("all parameters are one tensor, in visiting order") {
  auto network = small_network();
  network.initialise(1);
  CHECK(network.parameters().count() == 12 + 3 + 6 + 8);
  index_t offset = 0;
  for_each_parameter(network, [&](const StateName&, const auto& parameter) {
    CHECK(parameter.data() == network.parameters().data() + offset);
    offset += parameter.count();
  });
  const auto before = outputs(network);
  network.parameters()[network.parameters().count() - 1] += 1;  // the last bias
  auto expected = before;
  for (std::size_t i = 1; i < expected.size(); i += 2) expected[i] += 1;
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(outputs(network)[i] == doctest::Approx(expected[i]));
}

TEST_CASE("a copy is independent and computes the same bits; so does an assigned one") {
  auto network = small_network();
  network.initialise(1);
  auto copy = network;
  const auto before = outputs(network);
  CHECK(copy.is_ready());
  CHECK(copy.role() == "Classifier");
  CHECK(outputs(copy) == before);
  std::fill(network.parameters().begin(), network.parameters().end(), 0.0f);
  Context<Cpu> context(1);
  network.refresh(context);
  CHECK(outputs(copy) == before);
  CHECK(outputs(network) != before);
  for_each_parameter(copy, [&](const StateName&, const auto& parameter) {
    CHECK(parameter.data() == copy.parameters().data() + parameter.offset());
  });
  network = copy;
  CHECK(outputs(network) == before);
  std::fill(copy.parameters().begin(), copy.parameters().end(), 1.0f);
  CHECK(outputs(network) == before);
  CHECK_FALSE(decltype(network)(small_network()).is_ready());
}

TEST_CASE("a moved network keeps its parameters where they are") {
  auto network = small_network();
  network.initialise(1);
  const auto before = outputs(network);
  const float* const place = network.parameters().data();
  auto moved = std::move(network);
  CHECK(moved.parameters().data() == place);
  CHECK(moved.is_ready());
  CHECK(outputs(moved) == before);
  moved.parameters()[moved.parameters().count() - 1] += 1;
  CHECK(outputs(moved) != before);
  auto assigned = small_network();
  assigned = std::move(moved);
  CHECK(assigned.parameters().data() == place);
}

TEST_CASE("to<double>() is the same network in double") {
  Generator generator{Latent::uniform(4, 0.5), Sequential{SpectralNorm{Dense{4, 3}}, BatchNorm{3}, Tanh{}}};
  CHECK_FALSE(generator.to<double>().is_ready());
  generator.initialise(3);
  const auto wide = generator.to<double>();
  static_assert(std::is_same_v<decltype(wide)::Scalar, double>);
  CHECK(wide.is_ready());
  CHECK(wide.latent().distribution() == Latent::Distribution::uniform);
  CHECK(wide.latent().bound() == 0.5);
  CHECK(state_values(wide) == state_values(generator));
  const auto back = generator.to<double, Reference>().to<float, Cpu>();
  CHECK(state_values(back) == state_values(generator));
  CHECK(outputs(back) == outputs(generator));

  Discriminator discriminator{Sequential{Dense{4, 1}}};
  CHECK_FALSE(discriminator.to<double>().is_ready());
  discriminator.initialise(1);
  CHECK(discriminator.to<double>().is_ready());
  CHECK(state_values(discriminator.to<double>()) == state_values(discriminator));
  CHECK(outputs(discriminator.to<double>().to<float>()) == outputs(discriminator));
}

TEST_CASE("errors name the network") {
  auto network = small_network();
  network.initialise(1);
  CHECK(message_of<ShapeError>([&] { network.output_shape({3, 5}); }) ==
        "Dense (layer 0 of Classifier): expected N×4 inputs, got 3×5.\nBuild Dense{5, 3} or change the layer before it.");
  Context<Cpu> context(1);
  Tensor<float> y;
  CHECK(message_of<ShapeError>([&] { network.forward({context}, Tensor<float>::zeros({3, 5}), y, nullptr); }).starts_with("Dense (layer 0 of Classifier)"));
}
