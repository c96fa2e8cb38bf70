// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/model/pixels.hpp"
#include "nash/nn/conditional_concat.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/dropout.hpp"
#include "nash/nn/maxout.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/sigmoid.hpp"

namespace nash {

/// The networks of the first conditional GAN, for images in [0, 1] and 28×28 pixels: Mirza and Osindero 2014, section 4.1.
///
/// Both players map the image or the latent, and the class, to hidden layers of their own, and then both to a common one. The class's
/// hidden layer, a function of its one-hot code, is a learned vector for each class. The latent is of U(−1, 1) in the place of the unit
/// cube, weights and optimiser are nash's.
struct CganOptions {
  index_t classes = 10;
  index_t latent = 100;
  index_t height = 28, width = 28, channels = 1;
  double dropout = 0.5;  ///< in both players
};

/// latent → 200, class → 1000, both ReLU → 1200 ReLU → pixels Sigmoid
template <class T = float, class Device = Cpu>
auto cgan_generator(const CganOptions& options = {}) {
  const index_t pixels = count_pixels("Cgan", options.height, options.width, options.channels);
  const DenseOptions rectified{.init = Init::he()};
  const Dropout<T, Device> dropout{options.dropout};
  return Generator{Latent::uniform(options.latent),
                   Sequential{Dense<T, Device>{options.latent, 200, rectified}, ConditionalConcat<T, Device>{options.classes, {.embedding = 1000}},
                              ReLU<T, Device>{}, dropout, Dense<T, Device>{1200, 1200, rectified}, ReLU<T, Device>{}, dropout,
                              Dense<T, Device>{1200, pixels}, Sigmoid<T, Device>{}, Reshape<T, Device>{options.height, options.width, options.channels}}};
}

/// pixels → Maxout 240 (5 pieces), class → 50 → Maxout 240 (4 pieces) → 1 logit
template <class T = float, class Device = Cpu>
auto cgan_discriminator(const CganOptions& options = {}) {
  const index_t pixels = count_pixels("Cgan", options.height, options.width, options.channels);
  const Dropout<T, Device> dropout{options.dropout};
  return Discriminator{Sequential{Maxout<T, Device>{pixels, 240, {.pieces = 5}}, ConditionalConcat<T, Device>{options.classes, {.embedding = 50}}, dropout,
                                  Maxout<T, Device>{290, 240, {.pieces = 4}}, dropout, Dense<T, Device>{240, 1}}};
}

}  // namespace nash
