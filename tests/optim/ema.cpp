// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/ema.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "message_of.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

namespace {

template <class L>
std::vector<double> state_of(const L& layer, std::string_view wanted) {
  std::vector<double> values;
  L::visit_state(layer, [&](const StateName& name, const auto& state) {
    if (name.text() == wanted) values = state.value().to_host();
  });
  return values;
}

auto network() {
  Sequential net{Dense<double>{3, 4}, BatchNorm<double>{4}};
  Context<Cpu> context(1);
  initialise(context, net, RandomStream(1));
  return net;
}

/// Gives every value of the state another one.
template <class L>
void move_state(L& layer, std::uint64_t seed) {
  L::visit_state(layer, [&](const StateName&, auto& state) {
    for (index_t i = 0; i < state.value().count(); ++i) state.value()[i] += RandomStream(seed).normal(i);
  });
}

}  // namespace

TEST_CASE("an average begins as a copy and moves by the formula, buffers included") {
  Context<Cpu> context(1);
  auto net = network();
  Ema average(net, 0.9);
  const std::vector<std::string> names{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"};
  std::vector<std::vector<double>> expected;
  for (const auto& name : names) expected.push_back(state_of(net, name));
  for (std::uint64_t step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(state_of(average.network(), names[i]) == state_of(average.network(), names[i]));
    move_state(net, step);
    average.update(context, net);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto now = state_of(net, names[i]), averaged = state_of(average.network(), names[i]);
      REQUIRE(now.size() == expected[i].size());
      for (std::size_t k = 0; k < now.size(); ++k) {
        expected[i][k] = 0.9 * expected[i][k] + 0.1 * now[k];
        CHECK(averaged[k] == doctest::Approx(expected[i][k]).epsilon(1e-13));
      }
    }
  }
}

TEST_CASE("a decay of 0 follows at once; a decay of 1 is refused") {
  Context<Cpu> context(1);
  auto net = network();
  Ema average(net, 0);
  move_state(net, 3);
  average.update(context, net);
  const auto now = state_of(net, "0.weight"), averaged = state_of(average.network(), "0.weight");
  for (std::size_t k = 0; k < now.size(); ++k) CHECK(averaged[k] == doctest::Approx(now[k]).epsilon(1e-14));
  CHECK(message_of<ShapeError>([&] { Ema(net, 1); }) == "Ema: expected a decay from 0 to below 1, got 1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([&] { Ema(net, -0.1); }) != "");
  CHECK(message_of<ShapeError>([&] { Ema(net, std::nan("")); }) != "");
}

TEST_CASE("an average is a network of its own") {
  Context<Cpu> context(1);
  auto net = network();
  Ema average(net, 0.5);
  const auto before = state_of(average.network(), "0.weight");
  move_state(net, 1);
  CHECK(state_of(average.network(), "0.weight") == before);
  const auto own = state_of(net, "0.weight");
  move_state(average.network(), 2);
  CHECK(state_of(net, "0.weight") == own);
}

TEST_CASE("an average runs with the spectral norm of its own weights") {
  Context<Cpu> context(1);
  SpectralNorm layer{Dense<double>{5, 4, {.bias = false}}};
  initialise(context, layer, RandomStream(1));
  Ema average(layer, 0.7);
  for (std::uint64_t step = 0; step < 30; ++step) {
    for_each_parameter(layer, [&](const StateName&, auto& weight) {
      for (index_t i = 0; i < weight.count(); ++i) weight.value()[i] += 0.05 * RandomStream(step).normal(i);
    });
    refresh(context, layer);
    average.update(context, layer);
  }
  const auto norm = [&](const std::string& name) {
    double squares = 0;
    for (const double value : state_of(average.network(), name)) squares += value * value;
    return std::sqrt(squares);
  };
  CHECK(norm("u") == doctest::Approx(1).epsilon(1e-12));
  CHECK(norm("v") == doctest::Approx(1).epsilon(1e-12));
  // The largest singular value, by many power iterations on WᵀW.
  const auto w = state_of(average.network(), "weight");
  std::vector<double> v(5, 1), u(4);
  double sigma = 0;
  for (int iteration = 0; iteration < 2000; ++iteration) {
    for (std::size_t r = 0; r < 4; ++r) u[r] = std::inner_product(v.begin(), v.end(), w.begin() + static_cast<std::ptrdiff_t>(5 * r), 0.0);
    for (std::size_t c = 0; c < 5; ++c) v[c] = u[0] * w[c] + u[1] * w[5 + c] + u[2] * w[10 + c] + u[3] * w[15 + c];
    const double length = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    sigma = std::sqrt(length);
    for (double& value : v) value /= length;
  }
  CHECK(average.network().sigma() == doctest::Approx(sigma).epsilon(2e-2));
}
