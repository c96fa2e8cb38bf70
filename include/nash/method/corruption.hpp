// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/augmentation_family.hpp"

namespace nash {

/// What is done to one image: noise of a deviation, and a rectangle of zeros that may reach beyond it.
struct CorruptionMap {
  double deviation = 0;
  index_t top = 0, bottom = 0, left = 0, right = 0;  // the last two of each are the first outside

  NASH_HOST_DEVICE bool cuts(index_t row, index_t column) const { return row >= top && row < bottom && column >= left && column < right; }
};

/// x := 0 where it is cut, else x + deviation·ε; of a cotangent without the noise
template <class T>
struct CorruptImages {
  static constexpr bool scalar_work = true;
  const CorruptionMap* maps;
  RandomStream noise;
  index_t height, width, channels;
  bool is_cotangent;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const CorruptionMap& map = maps[i / (height * width * channels)];
    if (map.cuts(i / (width * channels) % height, i / channels % width))
      x[i] = T{0};
    else if (map.deviation > 0 && !is_cotangent)
      x[i] = static_cast<T>(static_cast<double>(x[i]) + map.deviation * noise.normal(i));
  }
};

/// What a family does whose maps add noise and cut.
template <class T, class Device, class Family>
class CorruptionMaps {
 public:
  explicit CorruptionMaps(const Family& family) : family_(family) {}

  NASH_COLD void apply(Context<Device>& context, const MapDraws& draws, bool is_cotangent, Tensor<T, Device>& images) {
    const Shape& shape = images.shape();
    draw_maps(context, family_, draws, shape, maps_);
    pointwise(context, images.count(),
              CorruptImages<T>{maps_.data(), draws.random.child(3), shape[1], shape[2], shape[3], is_cotangent, images.data()});
  }

 private:
  Family family_;
  Tensor<CorruptionMap, Device> maps_;
};

/// Noise on every value, whose deviation is |N(0, noise²)|, and a rectangle of zeros. Karras et al. 2020, "Training generative
/// adversarial networks with limited data", appendix B, "image-space corruptions".
struct Corruption {
  double noise = 0.1;   ///< the deviation of the noise's deviation
  double cutout = 0.5;  ///< the sides of the rectangle, as a share of the image's; its middle is anywhere

  NASH_COLD void check() const {
    check_map_option("Corruption", "a deviation of the noise", noise, 2);
    check_map_option("Corruption", "a cutout", cutout, 1);
  }

  NASH_HOST_DEVICE CorruptionMap draw(const MapDraws& draws, index_t n, index_t height, index_t width) const {
    CorruptionMap map;
    if (noise > 0 && draws.happens(n, 0)) {
      const double deviation = noise * draws.normal(n, 0);
      map.deviation = deviation < 0 ? -deviation : deviation;
    }
    if (cutout > 0 && draws.happens(n, 1)) {
      const double row = draws.uniform(n, 1, 0, 1), column = draws.uniform(n, 2, 0, 1);
      map.top = pixel(row - 0.5 * cutout, height), map.bottom = pixel(row + 0.5 * cutout, height);
      map.left = pixel(column - 0.5 * cutout, width), map.right = pixel(column + 0.5 * cutout, width);
    }
    return map;
  }

  template <class T, class Device>
  using Maps = CorruptionMaps<T, Device, Corruption>;

 private:
  NASH_HOST_DEVICE static index_t pixel(double share, index_t size) { return static_cast<index_t>(std::floor(share * static_cast<double>(size) + 0.5)); }
};

}  // namespace nash
