// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/affine_warp.hpp"

namespace nash {

/// Maps that copy pixels: a mirror image, a quarter turn or more of them, a shift by whole pixels. Borders are mirrored.
/// Karras et al. 2020, "Training generative adversarial networks with limited data", appendix B, "pixel blitting".
///
/// Quarter turns of images that are not square are sampled between pixels where height and width differ by an odd number.
struct PixelBlit {
  bool flip = true;            ///< left and right exchanged, in every second case
  bool quarter_turns = true;   ///< 0 to 3 of them
  double translation = 0.125;  ///< the largest shift each way, as a share of the image's sides; 0: none

  NASH_COLD void check() const { check_map_option("PixelBlit", "a translation", translation, 1); }

  NASH_HOST_DEVICE AffineMap draw(const MapDraws& draws, index_t n, index_t height, index_t width) const {
    AffineMap map;
    if (flip && draws.happens(n, 0) && draws.whole(n, 0, 2) == 1) map = map.then(AffineMap::scale(1, -1));
    if (quarter_turns && draws.happens(n, 1))
      for (index_t turns = draws.whole(n, 1, 4); turns > 0; --turns) map = map.then(AffineMap::rotation(0, 1));
    if (translation > 0 && draws.happens(n, 2))
      map = map.then(AffineMap::shift(std::round(draws.uniform(n, 2, -translation, translation) * static_cast<double>(height)),
                                      std::round(draws.uniform(n, 3, -translation, translation) * static_cast<double>(width))));
    return map;
  }

  template <class T, class Device>
  using Maps = WarpMaps<T, Device, PixelBlit>;
};

}  // namespace nash
