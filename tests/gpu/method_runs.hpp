// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/device_under_test.hpp"
#include "method/methods.hpp"
#include "nash/nash.hpp"

/// A discriminator whose second derivatives are not zero, with spectral norm or without.
template <class T, bool spectral>
auto curved_discriminator() {
  using namespace nash;
  Sequential body{Conv2d<T>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LayerNorm<T>{4}, LeakyReLU<T>{0.2}, Dense<T>{4 * 4 * 4, 5}, Tanh<T>{}, Dense<T>{5, 1}};
  if constexpr (spectral) {
    return Discriminator{spectral_normalise(std::move(body))};
  } else {
    return Discriminator{std::move(body)};
  }
}

/// The states of both networks after three steps with some methods.
template <class T, class D, bool spectral = false, class... Methods>
std::vector<T> run_with(bool record, const Methods&... methods) {
  nash::GanTrainer trainer{small_generator<T>().template to<T, D>(), curved_discriminator<T, spectral>().template to<T, D>(), nash::Hinge{},
                           {.seed = 3, .record_steps = record}, methods...};
  if constexpr (requires { trainer.context().set_exact_products(true); }) trainer.context().set_exact_products(true);
  return state_after(trainer, 3, {6, 8, 8, 1});
}
