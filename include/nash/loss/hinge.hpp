// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/loss.hpp"

namespace nash {

/// The hinge loss: samples that the discriminator tells apart by a margin of 1 count no more.
/// Lim and Ye 2017, equation 5; Miyato et al. 2018, equations 16 and 17:
///
///     discriminator   minimises  max(0, 1 − l_real) + max(0, 1 + l_fake)
///     generator       minimises  −l_fake
struct Hinge {
  NASH_HOST_DEVICE LossValue real(double l) const { return l < 1 ? LossValue{1 - l, -1} : LossValue{0, 0}; }
  NASH_HOST_DEVICE LossValue fake(double l) const { return l > -1 ? LossValue{1 + l, 1} : LossValue{0, 0}; }
  NASH_HOST_DEVICE LossValue generator(double l) const { return {-l, -1}; }
};

}  // namespace nash
