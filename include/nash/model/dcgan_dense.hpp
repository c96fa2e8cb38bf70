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

/// DCGAN for images of 28×28 pixels in [−1, 1] with fully connected layers at 7×7, which see the whole image at once: on small
/// digits it finds their shapes in far fewer steps than the purely convolutional networks of dcgan.hpp.
/// Chen et al. 2016 (InfoGAN), appendix C.1, without the codes.
struct Dcgan28DenseOptions {
  index_t latent = 100;
  index_t width = 64;     ///< channels at 14×14; twice as many at 7×7
  index_t hidden = 1024;  ///< units between the latent or the logit and the 7×7 image
  index_t channels = 1;   ///< of the images: 1 grey, 3 colour
};

/// latent → Dense hidden → Dense 7·7·2w → ConvTranspose w (14×14), each with BN and ReLU → ConvTranspose channels (28×28), Tanh
template <class T = float, class Device = Cpu>
auto dcgan28_dense_generator(const Dcgan28DenseOptions& options = {}) {
  require_at_least(1, options.width, "Dcgan28Dense", "a width");
  const index_t width = options.width, hidden = options.hidden;
  const DenseOptions dense{.bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions grow{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions last{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Generator{Latent::normal(options.latent),
                   Sequential{Dense<T, Device>{options.latent, hidden, dense}, BatchNorm<T, Device>{hidden, norm}, ReLU<T, Device>{},
                              Dense<T, Device>{hidden, 7 * 7 * 2 * width, dense}, Reshape<T, Device>{7, 7, 2 * width},
                              BatchNorm<T, Device>{2 * width, norm}, ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{2 * width, width, grow}, BatchNorm<T, Device>{width, norm}, ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{width, options.channels, last}, Tanh<T, Device>{}}};
}

/// Conv w (14×14), LeakyReLU → Conv 2w (7×7), BN, LeakyReLU → Dense hidden, BN, LeakyReLU → 1 logit
template <class T = float, class Device = Cpu>
auto dcgan28_dense_discriminator(const Dcgan28DenseOptions& options = {}) {
  require_at_least(1, options.width, "Dcgan28Dense", "a width");
  const index_t width = options.width, hidden = options.hidden;
  const Conv2dOptions first{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Discriminator{Sequential{Conv2d<T, Device>{options.channels, width, first}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{width, 2 * width, halve}, BatchNorm<T, Device>{2 * width, norm}, LeakyReLU<T, Device>{0.2},
                                  Dense<T, Device>{7 * 7 * 2 * width, hidden, {.bias = false, .init = Init::dcgan()}},
                                  BatchNorm<T, Device>{hidden, norm}, LeakyReLU<T, Device>{0.2},
                                  Dense<T, Device>{hidden, 1, {.init = Init::dcgan()}}}};
}

}  // namespace nash
