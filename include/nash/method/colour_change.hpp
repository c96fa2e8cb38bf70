// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numbers>

#include "nash/method/augmentation_family.hpp"

namespace nash {

/// What becomes of one image's colours. With a pixel's mean m over its channels and the rest z = x − m,
///
///     x := grey·(m + brightness) + colour·R(θ)·z
///
/// where R turns about the axis (1, 1, 1).
struct ColourMap {
  double brightness = 0, grey = 1, colour = 1, cosine = 1, sine = 0;

  NASH_HOST_DEVICE bool is_identity() const { return brightness == 0 && grey == 1 && colour == 1 && cosine == 1 && sine == 0; }
};

/// A pixel's channels in place. The way back has no brightness and turns the other way.
template <class T>
struct MapColours {
  static constexpr bool scalar_work = true;
  const ColourMap* maps;
  index_t pixels, channels;
  bool is_cotangent;
  T* x;

  NASH_HOST_DEVICE void operator()(index_t pixel) const {
    const ColourMap& map = maps[pixel / pixels];
    if (map.is_identity()) return;
    T* const own = x + pixel * channels;
    double mean = 0;
    for (index_t c = 0; c < channels; ++c) mean += static_cast<double>(own[c]) / static_cast<double>(channels);
    const double grey = map.grey * (mean + (is_cotangent ? 0.0 : map.brightness));
    if (channels == 3) {
      const double z[3] = {static_cast<double>(own[0]) - mean, static_cast<double>(own[1]) - mean, static_cast<double>(own[2]) - mean};
      const double sine = (is_cotangent ? -map.sine : map.sine) * std::numbers::inv_sqrt3;
      for (int c = 0; c < 3; ++c)
        own[c] = static_cast<T>(grey + map.colour * (map.cosine * z[c] + sine * (z[(c + 2) % 3] - z[(c + 1) % 3])));
    } else {
      for (index_t c = 0; c < channels; ++c) own[c] = static_cast<T>(grey + map.colour * (static_cast<double>(own[c]) - mean));
    }
  }
};

/// What a family does whose maps change colours.
template <class T, class Device, class Family>
class ColourMaps {
 public:
  explicit ColourMaps(const Family& family) : family_(family) {}

  NASH_COLD void apply(Context<Device>& context, const MapDraws& draws, bool is_cotangent, Tensor<T, Device>& images) {
    const Shape& shape = images.shape();
    draw_maps(context, family_, draws, shape, maps_);
    pointwise(context, shape.rows(), MapColours<T>{maps_.data(), shape[1] * shape[2], shape[3], is_cotangent, images.data()});
  }

 private:
  Family family_;
  Tensor<ColourMap, Device> maps_;
};

/// Brightness, contrast, luma flip, rotation of the hue, saturation, in this order. Karras et al. 2020, "Training generative
/// adversarial networks with limited data", appendix B, "color transformations".
///
/// Hues are turned where there are three channels. An image of one channel is a grey one: it has no hue and no saturation, and the other
/// three act on it as on a grey picture of three channels.
struct ColourChange {
  double brightness = 0.2;  ///< the deviation of what is added, to pixels from −1 to 1
  double contrast = 0.5;    ///< the deviation of log₂ of the factor about 0
  bool luma_flip = true;    ///< bright and dark exchanged, colours kept, in every second case
  double hue = 1;           ///< the largest angle each way, in half turns
  double saturation = 1;    ///< the deviation of log₂ of the factor about each pixel's mean

  NASH_COLD void check() const {
    check_map_option("ColourChange", "a deviation of the brightness", brightness, 2);
    check_map_option("ColourChange", "a deviation of the contrast's logarithm", contrast, 4);
    check_map_option("ColourChange", "a rotation of the hue", hue, 1);
    check_map_option("ColourChange", "a deviation of the saturation's logarithm", saturation, 4);
  }

  NASH_HOST_DEVICE ColourMap draw(const MapDraws& draws, index_t n, index_t, index_t) const {
    ColourMap map;
    if (brightness > 0 && draws.happens(n, 0)) map.brightness = brightness * draws.normal(n, 0);
    if (contrast > 0 && draws.happens(n, 1)) map.grey = map.colour = draws.log_normal(n, 1, contrast);
    if (luma_flip && draws.happens(n, 2) && draws.whole(n, 2, 2) == 1) map.grey = -map.grey;
    if (hue > 0 && draws.happens(n, 3)) {
      const double angle = std::numbers::pi * draws.uniform(n, 3, -hue, hue);
      map.cosine = std::cos(angle), map.sine = std::sin(angle);
    }
    if (saturation > 0 && draws.happens(n, 4)) map.colour *= draws.log_normal(n, 4, saturation);
    return map;
  }

  template <class T, class Device>
  using Maps = ColourMaps<T, Device, ColourChange>;
};

}  // namespace nash
