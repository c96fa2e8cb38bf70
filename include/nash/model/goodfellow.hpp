// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/model/pixels.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/dropout.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/maxout.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/sigmoid.hpp"

namespace nash {

/// The networks of the first GAN, for images in [0, 1]: Goodfellow et al. 2014, section 5, "the generator nets used a mixture
/// of rectifier linear activations and sigmoid activations, while the discriminator net used maxout activations. Dropout was
/// applied in training the discriminator net." The paper gives no sizes; these suit 28×28 pixels.
struct GoodfellowOptions {
  index_t latent = 128;
  index_t height = 28, width = 28, channels = 1;
  double dropout = 0.5;
  index_t pieces = 5;  ///< of the maxout units
};

/// latent → 128 ReLU → 256 Sigmoid → 512 ReLU → 1024 ReLU → pixels Sigmoid
template <class T = float, class Device = Cpu>
auto goodfellow_generator(const GoodfellowOptions& options = {}) {
  const index_t pixels = count_pixels("Goodfellow", options.height, options.width, options.channels);
  const DenseOptions rectified{.init = Init::he()};
  return Generator{Latent::normal(options.latent),
                   Sequential{Dense<T, Device>{options.latent, 128, rectified}, ReLU<T, Device>{}, Dense<T, Device>{128, 256}, Sigmoid<T, Device>{},
                              Dense<T, Device>{256, 512, rectified}, ReLU<T, Device>{}, Dense<T, Device>{512, 1024, rectified}, ReLU<T, Device>{},
                              Dense<T, Device>{1024, pixels}, Sigmoid<T, Device>{}, Reshape<T, Device>{options.height, options.width, options.channels}}};
}

/// pixels → 256 LeakyReLU(0.2) → Maxout 256 → Dropout → 32 → Maxout 32 → LeakyReLU(0.2) → Dropout → 1 logit
template <class T = float, class Device = Cpu>
auto goodfellow_discriminator(const GoodfellowOptions& options = {}) {
  const index_t pixels = count_pixels("Goodfellow", options.height, options.width, options.channels);
  const MaxoutOptions maxout{.pieces = options.pieces};
  return Discriminator{Sequential{Dense<T, Device>{pixels, 256, {.init = Init::he(0.2)}}, LeakyReLU<T, Device>{0.2}, Maxout<T, Device>{256, 256, maxout},
                                  Dropout<T, Device>{options.dropout}, Dense<T, Device>{256, 32}, Maxout<T, Device>{32, 32, maxout},
                                  LeakyReLU<T, Device>{0.2}, Dropout<T, Device>{options.dropout}, Dense<T, Device>{32, 1}}};
}

}  // namespace nash
