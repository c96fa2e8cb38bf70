// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/loss.hpp"

namespace nash {

/// The two-player game of the original proof, with D = σ(l). Goodfellow et al. 2014, equation 1:
///
///     discriminator   minimises  −log D(x) − log(1 − D(G(z)))  =  softplus(−l_real) + softplus(l_fake)
///     generator       minimises   log(1 − D(G(z)))             =  −softplus(l_fake)
///
/// The generator's term saturates where the discriminator is sure of its fakes: use NonSaturating to train.
struct Minimax {
  NASH_HOST_DEVICE LossValue real(double l) const { return {softplus(-l), -logistic(-l)}; }
  NASH_HOST_DEVICE LossValue fake(double l) const { return {softplus(l), logistic(l)}; }
  NASH_HOST_DEVICE LossValue generator(double l) const { return {-softplus(l), -logistic(l)}; }
};

}  // namespace nash
