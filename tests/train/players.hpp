// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/nn/layers.hpp"
#include "nash/train/gan_trainer.hpp"

/// Two small players for images of 8×8 pixels, with a layer of every kind that a trainer could mistreat.
template <class T = float>
auto small_generator(nash::index_t width = 4) {
  using namespace nash;
  return Generator{Latent::normal(6),
                   Sequential{Dense<T>{6, 4 * 4 * width}, Reshape<T>{4, 4, width}, BatchNorm<T>{width}, ReLU<T>{},
                              ConvTranspose2d<T>{width, 1, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh<T>{}}};
}

template <class T = float>
auto small_discriminator(nash::index_t width = 4) {
  using namespace nash;
  return Discriminator{Sequential{Conv2d<T>{1, width, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU<T>{0.2},
                                  Conv2d<T>{width, 6}, BatchNorm<T>{6}, LeakyReLU<T>{0.2}, Dropout<T>{0.3}, Dense<T>{2 * 2 * 6, 1}}};
}

/// A discriminator that treats each sample by itself: without BatchNorm and dropout.
template <class T = double>
auto plain_discriminator() {
  using namespace nash;
  return Discriminator{Sequential{Conv2d<T>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU<T>{0.2}, Dense<T>{4 * 4 * 4, 5}, Tanh<T>{},
                                  Dense<T>{5, 1}}};
}

/// Values between −1 and 1, the same for the same seed.
template <class T = float, class Device = nash::Cpu>
nash::Tensor<T, Device> random_images(const nash::Shape& shape, std::uint64_t seed = 1) {
  std::vector<T> values(static_cast<std::size_t>(shape.count()));
  const nash::RandomStream random(seed);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(2 * random.uniform(static_cast<nash::index_t>(i)) - 1);
  return nash::Tensor<T, Device>(shape, values);
}

/// All state of a network or layer, or that part of it: parameters and buffers, in order.
template <class L>
auto state_values(const L& network) {
  std::vector<typename L::Scalar> values;
  L::visit_state(network, [&](const nash::StateName&, const auto& state) {
    const auto own = state.value().to_host();
    values.insert(values.end(), own.begin(), own.end());
  });
  return values;
}

template <class L>
auto buffer_values(const L& network) {
  std::vector<typename L::Scalar> values;
  nash::for_each_buffer(network, [&](const nash::StateName&, const auto& buffer) {
    const auto own = buffer.value().to_host();
    values.insert(values.end(), own.begin(), own.end());
  });
  return values;
}

/// Sets one value of the parameter or buffer of this name.
template <class L>
void poison(L& network, const std::string& wanted, double value) {
  bool found = false;
  L::visit_state(network, [&](const nash::StateName& name, auto& state) {
    if (name.text() != wanted) return;
    state.value()[state.value().count() / 2] = static_cast<typename L::Scalar>(value);
    found = true;
  });
  REQUIRE(found);
}

/// The bits, so that NaN equals itself.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// The largest difference, relative to the largest value of b.
template <class T>
double relative_difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = difference <= worst ? worst : std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return worst == 0 ? 0 : worst / scale;
}
