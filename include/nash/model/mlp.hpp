// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/model/pixels.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/dropout.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/tanh.hpp"

namespace nash {

/// The refined MLP pair for images in [−1, 1]: the first GAN's idea with what was learnt after 2014, LeakyReLU in both,
/// BatchNorm in the generator alone, Tanh at its end. 1.5 and 1.8 million parameters at 28×28.
struct MlpOptions {
  index_t latent = 128;
  index_t height = 28, width = 28, channels = 1;
  double slope = 0.2;
  double dropout = 0.2;
};

/// latent → 128 → 256 BN → 512 BN → 1024 BN (LeakyReLU after each) → pixels Tanh
template <class T = float, class Device = Cpu>
auto mlp_generator(const MlpOptions& options = {}) {
  const index_t pixels = count_pixels("Mlp", options.height, options.width, options.channels);
  const DenseOptions rectified{.init = Init::he(options.slope)};
  const LeakyReLU<T, Device> activation{options.slope};
  return Generator{Latent::normal(options.latent),
                   Sequential{Dense<T, Device>{options.latent, 128, rectified}, activation, Dense<T, Device>{128, 256, rectified},
                              BatchNorm<T, Device>{256}, activation, Dense<T, Device>{256, 512, rectified}, BatchNorm<T, Device>{512}, activation,
                              Dense<T, Device>{512, 1024, rectified}, BatchNorm<T, Device>{1024}, activation, Dense<T, Device>{1024, pixels},
                              Tanh<T, Device>{}, Reshape<T, Device>{options.height, options.width, options.channels}}};
}

/// pixels → 128 → 256 → Dropout → 512 → Dropout → 1024 → 1024 (LeakyReLU after each Dense) → 1 logit
template <class T = float, class Device = Cpu>
auto mlp_discriminator(const MlpOptions& options = {}) {
  const index_t pixels = count_pixels("Mlp", options.height, options.width, options.channels);
  const DenseOptions rectified{.init = Init::he(options.slope)};
  const LeakyReLU<T, Device> activation{options.slope};
  const Dropout<T, Device> dropout{options.dropout};
  return Discriminator{Sequential{Dense<T, Device>{pixels, 128, rectified}, activation, Dense<T, Device>{128, 256, rectified}, activation, dropout,
                                  Dense<T, Device>{256, 512, rectified}, activation, dropout, Dense<T, Device>{512, 1024, rectified}, activation,
                                  Dense<T, Device>{1024, 1024, rectified}, activation, Dense<T, Device>{1024, 1}}};
}

}  // namespace nash
