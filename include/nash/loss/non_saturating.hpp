// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/minimax.hpp"

namespace nash {

/// The discriminator of Minimax; the generator maximises log D(G(z)), that is, it minimises softplus(−l_fake), whose gradient
/// is largest where the discriminator is sure of its fakes. Goodfellow et al. 2014, section 3.
struct NonSaturating : Minimax {
  NASH_HOST_DEVICE LossValue generator(double l) const { return {softplus(-l), -logistic(-l)}; }
};

}  // namespace nash
