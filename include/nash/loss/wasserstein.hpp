// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/loss.hpp"

namespace nash {

/// The difference of the critic's means, which is the Wasserstein distance of the two distributions where the critic is the best
/// of all 1-Lipschitz functions. Arjovsky, Chintala and Bottou 2017, equation 2 and algorithm 1:
///
///     critic      minimises  l_fake − l_real
///     generator   minimises  −l_fake
///
/// Nothing here keeps the critic Lipschitz: add WeightClip, GradientPenalty or spectral_normalise.
struct Wasserstein {
  NASH_HOST_DEVICE LossValue real(double l) const { return {-l, -1}; }
  NASH_HOST_DEVICE LossValue fake(double l) const { return {l, 1}; }
  NASH_HOST_DEVICE LossValue generator(double l) const { return {-l, -1}; }
};

}  // namespace nash
