// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numbers>

#include "nash/method/affine_warp.hpp"

namespace nash {

/// Maps that sample between pixels: a scale, a rotation, a scale of the sides against each other, another rotation, a shift; of all that
/// happen to an image one warp is made. Karras et al. 2020, "Training generative adversarial networks with limited data", appendix B,
/// "general geometric transformations".
///
/// With the draw's probability p a rotation happens in 1 − √(1 − p) of cases before and after, so that one of the two happens with p.
/// Where the authors sample images that they enlarge by a wavelet first, this samples bilinearly: a picture that is made much smaller
/// has aliases.
struct GeometricWarp {
  double scale = 0.2;           ///< the deviation of log₂ of the scale of both sides
  double rotation = 1;          ///< the largest angle each way, in half turns
  double anisotropy = 0.2;      ///< the deviation of log₂ of s: the sides are scaled by s and 1/s
  double translation = 0.125;   ///< the deviation of the shifts, as a share of the image's sides

  NASH_COLD void check() const {
    check_map_option("GeometricWarp", "a deviation of the scale's logarithm", scale, 1);
    check_map_option("GeometricWarp", "a rotation", rotation, 1);
    check_map_option("GeometricWarp", "a deviation of the anisotropy's logarithm", anisotropy, 1);
    check_map_option("GeometricWarp", "a deviation of the translation", translation, 1);
  }

  NASH_HOST_DEVICE AffineMap draw(const MapDraws& draws, index_t n, index_t height, index_t width) const {
    AffineMap map;
    if (scale > 0 && draws.happens(n, 0)) {
      const double s = draws.log_normal(n, 0, scale);
      map = map.then(AffineMap::scale(s, s));
    }
    if (rotates(draws, n, 1)) map = map.then(turn(draws, n, 1));
    if (anisotropy > 0 && draws.happens(n, 2)) {
      const double s = draws.log_normal(n, 2, anisotropy);
      map = map.then(AffineMap::scale(s, 1 / s));
    }
    if (rotates(draws, n, 3)) map = map.then(turn(draws, n, 3));
    if (translation > 0 && draws.happens(n, 4))
      map = map.then(AffineMap::shift(translation * draws.normal(n, 4) * static_cast<double>(height),
                                      translation * draws.normal(n, 5) * static_cast<double>(width)));
    return map;
  }

  template <class T, class Device>
  using Maps = WarpMaps<T, Device, GeometricWarp>;

 private:
  NASH_HOST_DEVICE bool rotates(const MapDraws& draws, index_t n, index_t which) const {
    return rotation > 0 && draws.happens_with(1 - std::sqrt(1 - draws.probability), n, which);
  }
  NASH_HOST_DEVICE AffineMap turn(const MapDraws& draws, index_t n, index_t which) const {
    const double angle = std::numbers::pi * draws.uniform(n, which, -rotation, rotation);
    return AffineMap::rotation(std::cos(angle), std::sin(angle));
  }
};

}  // namespace nash
