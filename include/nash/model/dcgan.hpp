// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/flatten.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/tanh.hpp"

namespace nash {

/// DCGAN for images of 28×28 pixels in [−1, 1], without any fully connected layer. Radford, Metz and Chintala 2016, section 3:
/// strided convolutions instead of pooling, BatchNorm except at the generator's output and the discriminator's input, ReLU
/// and Tanh in the generator, LeakyReLU(0.2) in the discriminator, weights from N(0, 0.02). The sizes are those of the
/// well-known examples of libtorch and dlib (width 64), whose half is 0.31 and 0.11 million parameters.
struct Dcgan28Options {
  index_t latent = 100;
  index_t width = 64;    ///< channels at 14×14; twice as many at 7×7 and four times as many at 4×4
  index_t channels = 1;  ///< of the images: 1 grey, 3 colour
};

/// latent → ConvTranspose 4w (4×4) → ConvTranspose 2w (7×7) → ConvTranspose w (14×14), each with BN and ReLU
/// → ConvTranspose channels (28×28), Tanh
template <class T = float, class Device = Cpu>
auto dcgan28_generator(const Dcgan28Options& options = {}) {
  require_at_least(1, options.width, "Dcgan28", "a width");
  const index_t width = options.width;
  const ConvTranspose2dOptions first{.kernel = 4, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions second{.kernel = 3, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions third{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions last{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Generator{Latent::normal(options.latent),
                   Sequential{Reshape<T, Device>{1, 1, options.latent},
                              ConvTranspose2d<T, Device>{options.latent, 4 * width, first}, BatchNorm<T, Device>{4 * width, norm},
                              ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{4 * width, 2 * width, second}, BatchNorm<T, Device>{2 * width, norm},
                              ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{2 * width, width, third}, BatchNorm<T, Device>{width, norm},
                              ReLU<T, Device>{},
                              ConvTranspose2d<T, Device>{width, options.channels, last}, Tanh<T, Device>{}}};
}

/// Conv w (14×14), LeakyReLU → Conv 2w (7×7), BN, LeakyReLU → Conv 4w (4×4), BN, LeakyReLU → Conv 1 logit
template <class T = float, class Device = Cpu>
auto dcgan28_discriminator(const Dcgan28Options& options = {}) {
  require_at_least(1, options.width, "Dcgan28", "a width");
  const index_t width = options.width;
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const Conv2dOptions third{.kernel = 3, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const Conv2dOptions last{.kernel = 4, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  return Discriminator{Sequential{Conv2d<T, Device>{options.channels, width, halve}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{width, 2 * width, halve}, BatchNorm<T, Device>{2 * width, norm},
                                  LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{2 * width, 4 * width, third}, BatchNorm<T, Device>{4 * width, norm},
                                  LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{4 * width, 1, last}, Flatten<T, Device>{}}};
}

/// dcgan28_discriminator without its BatchNorm, which couples the samples of a batch: the critic for a gradient penalty, as
/// Gulrajani et al. 2017, section 4, leave it out.
template <class T = float, class Device = Cpu>
auto dcgan28_critic(const Dcgan28Options& options = {}) {
  require_at_least(1, options.width, "Dcgan28", "a width");
  const index_t width = options.width;
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const Conv2dOptions third{.kernel = 3, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const Conv2dOptions last{.kernel = 4, .bias = false, .init = Init::dcgan()};
  return Discriminator{Sequential{Conv2d<T, Device>{options.channels, width, halve}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{width, 2 * width, halve}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{2 * width, 4 * width, third}, LeakyReLU<T, Device>{0.2},
                                  Conv2d<T, Device>{4 * width, 1, last}, Flatten<T, Device>{}}};
}

/// DCGAN for square images of any power of two from 32 to 128 pixels in [−1, 1]. Radford, Metz and Chintala 2016, figure 1 and
/// section 3, without bias anywhere; the paper's own is size 64 with width 128, and width 64 is what the examples of PyTorch
/// and others made of it. Each doubling of the size adds one layer to both networks.
struct DcganOptions {
  index_t size = 64;  ///< height and width: 32, 64 or 128
  index_t latent = 100;
  index_t width = 64;    ///< channels at half the size; twice as many at a quarter, and so on down to width·size/8 at 4×4
  index_t channels = 3;  ///< of the images: 1 grey, 3 colour
};

namespace detail {

inline void check_dcgan(const DcganOptions& options) {
  if (options.size != 32 && options.size != 64 && options.size != 128)
    throw ShapeError("Dcgan", "a size of 32, 64 or 128", concat({options.size}), "scale the images, or use Dcgan28 for 28×28");
  require_at_least(1, options.width, "Dcgan", "a width");
  require_at_least(1, options.channels, "Dcgan", "a number of channels");
}

}  // namespace detail

/// latent → ConvTranspose width·size/8 (4×4) → ConvTranspose of half the channels and twice the size until size/2, each with BN
/// and ReLU → ConvTranspose channels (size×size), Tanh
template <class T = float, class Device = Cpu>
auto dcgan_generator(const DcganOptions& options = {}) {
  detail::check_dcgan(options);
  const ConvTranspose2dOptions project{.kernel = 4, .bias = false, .init = Init::dcgan()};
  const ConvTranspose2dOptions grow{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  index_t channels = options.width * options.size / 8;
  std::vector<AnyLayer<T, Device>> layers{Reshape<T, Device>{1, 1, options.latent},
                                          ConvTranspose2d<T, Device>{options.latent, channels, project},
                                          BatchNorm<T, Device>{channels, norm}, ReLU<T, Device>{}};
  for (; channels > options.width; channels /= 2) {
    layers.emplace_back(ConvTranspose2d<T, Device>{channels, channels / 2, grow});
    layers.emplace_back(BatchNorm<T, Device>{channels / 2, norm});
    layers.emplace_back(ReLU<T, Device>{});
  }
  layers.emplace_back(ConvTranspose2d<T, Device>{channels, options.channels, grow});
  layers.emplace_back(Tanh<T, Device>{});
  return Generator{Latent::normal(options.latent), AnySequential<T, Device>(std::move(layers))};
}

namespace detail {

template <class T, class Device>
auto dcgan_halving(const DcganOptions& options, bool normalised) {
  check_dcgan(options);
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()};
  const Conv2dOptions last{.kernel = 4, .bias = false, .init = Init::dcgan()};
  const BatchNormOptions norm{.init = Init::normal(0.02, 1)};
  index_t channels = options.width;
  std::vector<AnyLayer<T, Device>> layers{Conv2d<T, Device>{options.channels, channels, halve}, LeakyReLU<T, Device>{0.2}};
  for (; channels < options.width * options.size / 8; channels *= 2) {
    layers.emplace_back(Conv2d<T, Device>{channels, 2 * channels, halve});
    if (normalised) layers.emplace_back(BatchNorm<T, Device>{2 * channels, norm});
    layers.emplace_back(LeakyReLU<T, Device>{0.2});
  }
  layers.emplace_back(Conv2d<T, Device>{channels, 1, last});
  layers.emplace_back(Flatten<T, Device>{});
  return Discriminator{AnySequential<T, Device>(std::move(layers))};
}

}  // namespace detail

/// Conv width (size/2), LeakyReLU → Conv of twice the channels and half the size until 4×4, each with BN and LeakyReLU
/// → Conv 1 logit
template <class T = float, class Device = Cpu>
auto dcgan_discriminator(const DcganOptions& options = {}) {
  return detail::dcgan_halving<T, Device>(options, true);
}

/// dcgan_discriminator without its BatchNorm: the critic for a gradient penalty. Gulrajani et al. 2017, section 4.
template <class T = float, class Device = Cpu>
auto dcgan_critic(const DcganOptions& options = {}) {
  return detail::dcgan_halving<T, Device>(options, false);
}

}  // namespace nash
