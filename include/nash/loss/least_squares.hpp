// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/loss.hpp"

namespace nash {

/// Least squares on labels: the discriminator pulls fakes to a and real samples to b, the generator pulls fakes to c.
/// Mao et al. 2017, equation 2:
///
///     discriminator   minimises  ½·(l_real − b)² + ½·(l_fake − a)²
///     generator       minimises  ½·(l_fake − c)²
///
/// b − c = 1 and b − a = 2 minimise Pearson's χ² (equation 8: LeastSquares{-1, 1, 0}); c = b asks for samples as real as
/// possible (equation 9, the default). The gradient of a far logit grows with its distance and does not vanish.
struct LeastSquares {
  double a = 0, b = 1, c = 1;

  NASH_HOST_DEVICE LossValue real(double l) const { return half_square(l - b); }
  NASH_HOST_DEVICE LossValue fake(double l) const { return half_square(l - a); }
  NASH_HOST_DEVICE LossValue generator(double l) const { return half_square(l - c); }

  NASH_HOST_DEVICE static LossValue half_square(double distance) { return {0.5 * distance * distance, distance}; }
};

}  // namespace nash
