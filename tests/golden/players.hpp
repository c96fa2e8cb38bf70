// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "golden/golden.hpp"
#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"

/// A network with the state of a file whose names begin with the prefix.
template <class Network>
Network loaded(const Golden& golden, const std::string& prefix, Network network) {
  nash::Context<nash::Cpu> context(1);
  golden.load(prefix, context, network);
  network.mark_loaded(context);
  return network;
}

/// The small pair of make_golden.py, with BatchNorm in each.
template <class T>
auto golden_generator(const Golden& golden, const nash::Latent& latent = nash::Latent::normal(4)) {
  using namespace nash;
  return loaded(golden, "players/generator.",
                Generator{latent, Sequential{Dense{4, 12, {.bias = false}}, Reshape{2, 2, 3}, BatchNorm{3}, Softplus{},
                                             ConvTranspose2d{3, 2, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}}
                                      .to<T>()});
}
template <class T>
auto golden_discriminator(const Golden& golden) {
  using namespace nash;
  const Conv2d first{2, 5, {.kernel = 3, .stride = 2, .padding = 1, .bias = false}};
  return loaded(golden, "players/discriminator.",
                Discriminator{Sequential{first, BatchNorm{5}, LeakyReLU{0.2}, Dense{20, 4}, Tanh{}, Dense{4, 1}}.to<T>()});
}
