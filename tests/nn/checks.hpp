// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/testing/duality_check.hpp"
#include "nash/testing/grad_check.hpp"
#include "nash/testing/second_order_check.hpp"

/// First and second order of a layer in double, in training and in inference.
template <class L>
void check_derivatives(const L& layer, const nash::Shape& input_shape, nash::testing::CheckOptions options = {}) {
  for (const nash::Mode mode : {nash::Mode::train, nash::Mode::infer}) {
    options.mode = mode;
    CAPTURE(input_shape.text());
    CAPTURE(mode == nash::Mode::train ? "train" : "infer");
    const auto first = nash::testing::grad_check(layer, input_shape, options);
    CHECK_MESSAGE(first.ok, first.text);
    const auto tangents = nash::testing::duality_check(layer, input_shape, options);
    CHECK_MESSAGE(tangents.ok, tangents.text);
    const auto second = nash::testing::second_order_check(layer, input_shape, options);
    CHECK_MESSAGE(second.ok, second.text);
    if (std::getenv("NASH_TEST_FIGURES") != nullptr)
      MESSAGE("first order: ", first.text, "\ntangents: ", tangents.text, "\nsecond order: ", second.text);
  }
}

/// Standard normal values, the same for the same seed.
template <class T = double, class D = nash::Cpu>
nash::Tensor<T, D> random_tensor(const nash::Shape& shape, std::uint64_t seed = 1) {
  std::vector<T> values(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(nash::RandomStream(seed).normal(static_cast<nash::index_t>(i)));
  return nash::Tensor<T, D>(shape, values);
}

template <class T>
nash::Tensor<T> tensor(const nash::Shape& shape, const std::vector<T>& values) {
  return nash::Tensor<T>(shape, values);
}

/// y = f(x) of one pass that keeps nothing, with the labels 0, 1, 2, 3, 0, …
template <class L>
auto output_of(const L& layer, const nash::Tensor<typename L::Scalar, typename L::Device>& x, nash::Mode mode = nash::Mode::infer,
               nash::RandomStream random = nash::RandomStream(5)) {
  nash::Context<typename L::Device> context(1);
  nash::Tensor<typename L::Scalar, typename L::Device> y;
  const auto labels = nash::testing::labels_of<typename L::Device>(x.shape().rank() == 0 ? 0 : x.shape()[0], 4);
  layer.forward({.context = context, .mode = mode, .random = random, .labels = labels.view()}, x, y, nullptr);
  return y;
}

/// Sets the values of the layer's parameter or buffer of this name.
template <class L>
void set_state(L& layer, std::string_view wanted, const std::vector<typename L::Scalar>& values) {
  bool found = false;
  L::visit_state(layer, [&](const nash::StateName& name, auto& state) {
    if (name.text() != wanted) return;
    REQUIRE(state.value().count() == static_cast<nash::index_t>(values.size()));
    state.value().assign_from_host(values);
    found = true;
  });
  REQUIRE(found);
}

template <class L>
std::vector<typename L::Scalar> state_of(const L& layer, std::string_view wanted) {
  std::vector<typename L::Scalar> values;
  L::visit_state(layer, [&](const nash::StateName& name, const auto& state) {
    if (name.text() == wanted) values = state.value().to_host();
  });
  return values;
}

template <class L>
L initialised(L layer, std::uint64_t seed = 1) {
  nash::Context<typename L::Device> context(1);
  nash::initialise(context, layer, nash::RandomStream(seed));
  return layer;
}

/// The largest difference, relative to the largest value of b or to 1.
template <class A, class B>
double difference(const A& a, const B& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0, scale = 1;
  for (nash::index_t i = 0; i < a.count(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
    if (std::isnan(static_cast<double>(a[i])) != std::isnan(static_cast<double>(b[i]))) return std::numeric_limits<double>::infinity();
  }
  return worst / scale;
}
