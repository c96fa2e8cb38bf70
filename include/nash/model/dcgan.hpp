// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/tanh.hpp"

namespace nash {

/// DCGAN for images of 28×28 pixels, in [−1, 1]. Radford, Metz and Chintala 2016, section 3 and figure 1, with two levels
/// instead of four, since 28 = 7·2·2: strided convolutions instead of pooling, BatchNorm except at the generator's output
/// and the discriminator's input, ReLU and Tanh in the generator, LeakyReLU(0.2) in the discriminator, weights from N(0, 0.02).
struct Dcgan28Options {
  index_t latent = 100;
  index_t width = 64;    ///< channels at 14×14; twice as many at 7×7
  index_t channels = 1;  ///< of the images: 1 grey, 3 colour
};

/// latent → 7·7·2w, BN, ReLU → ConvTranspose 2w→w (14×14), BN, ReLU → ConvTranspose w→channels (28×28), Tanh
template <class T = float, class Device = Cpu>
auto dcgan28_generator(const Dcgan28Options& options = {}) {
  const index_t width = options.width;
  const ConvTranspose2dOptions hidden{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions last{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Generator{Latent::normal(options.latent),
                   Sequential{Dense<T, Device>{options.latent, 7 * 7 * 2 * width, {.bias = false, .init = Init::dcgan()}},
                              Reshape<T, Device>{7, 7, 2 * width}, BatchNorm<T, Device>{2 * width, norm}, ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{2 * width, width, hidden}, BatchNorm<T, Device>{width, norm}, ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{width, options.channels, last}, Tanh<T, Device>{}}};
}

/// Conv channels→w (14×14), LeakyReLU → Conv w→2w (7×7), BN, LeakyReLU → 1 logit
template <class T = float, class Device = Cpu>
auto dcgan28_discriminator(const Dcgan28Options& options = {}) {
  const index_t width = options.width;
  const Conv2dOptions first{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  const Conv2dOptions hidden{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Discriminator{Sequential{Conv2d<T, Device>{options.channels, width, first}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{width, 2 * width, hidden}, BatchNorm<T, Device>{2 * width, norm},
                                  LeakyReLU<T, Device>{0.2}, Dense<T, Device>{7 * 7 * 2 * width, 1, {.init = Init::dcgan()}}}};
}

}  // namespace nash
