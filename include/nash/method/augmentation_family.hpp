// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>

#include "nash/kernels/pointwise.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// What the maps of an image draw: whether one happens to image n, and its random numbers, each under a number of its own below 16.
struct MapDraws {
  RandomStream random;
  double probability;

  NASH_HOST_DEVICE bool happens(index_t n, index_t which) const { return happens_with(probability, n, which); }
  NASH_HOST_DEVICE bool happens_with(double p, index_t n, index_t which) const {
    return p >= 1 || (p > 0 && random.child(0).uniform(16 * n + which) < p);
  }
  /// U(low, high)
  NASH_HOST_DEVICE double uniform(index_t n, index_t which, double low, double high) const {
    return low + (high - low) * random.child(1).uniform(16 * n + which);
  }
  /// 0 to count − 1, each as likely
  NASH_HOST_DEVICE index_t whole(index_t n, index_t which, index_t count) const {
    return static_cast<index_t>(uniform(n, which, 0, static_cast<double>(count)));
  }
  /// N(0, 1)
  NASH_HOST_DEVICE double normal(index_t n, index_t which) const { return random.child(2).normal(16 * n + which); }
  /// 2^(octaves·N(0, 1)), which is lognormal with the deviation octaves·ln 2
  NASH_HOST_DEVICE double log_normal(index_t n, index_t which, double octaves) const { return std::exp2(octaves * normal(n, which)); }
};

/// Throws ShapeError unless 0 ≤ value ≤ highest.
NASH_COLD inline void check_map_option(std::string_view family, std::string_view what, double value, double highest) {
  if (!(value >= 0 && value <= highest))
    throw ShapeError(std::string(family), concat({what, " from 0 to ", highest}), concat({value}), "correct the option; 0 leaves the map out");
}

/// maps[n] := what a family draws for image n
template <class Family, class Map>
struct DrawMaps {
  static constexpr bool scalar_work = true;
  Family family;
  MapDraws draws;
  index_t height, width;
  Map* maps;
  NASH_HOST_DEVICE void operator()(index_t n) const { maps[n] = family.draw(draws, n, height, width); }
};

/// Draws the maps of all images of a batch.
template <class Family, class Map, class Device>
void draw_maps(Context<Device>& context, const Family& family, const MapDraws& draws, const Shape& shape, Tensor<Map, Device>& maps) {
  maps.resize(Shape{shape[0]});
  pointwise(context, shape[0], DrawMaps<Family, Map>{family, draws, shape[1], shape[2], maps.data()});
}

/// A *family* of maps is a struct of options in a file of its own, with `check()`, which throws where one makes no sense, and
///
///     template <class T, class Device> class Maps {                                  what it does on a device, with its memory
///       Maps(const Family& options);
///       void apply(context, const MapDraws& draws, bool is_cotangent, Tensor<T, Device>& images);      N×H×W×C, in place
///     };
///
/// Of a cotangent it is the adjoint of what it does to images with the same draws. Each map has draws.probability. A map is affine in the images, so that its way back needs
/// no images, and changes no bit of an image that it does not happen to.
template <class F>
concept AugmentationFamily = requires(const F& family, typename F::template Maps<float, Cpu>& maps, Context<Cpu>& context, const MapDraws& draws,
                                      Tensor<float>& images) {
  family.check();
  maps.apply(context, draws, true, images);
};

/// The maps of some families on a device, one family after the other.
template <class T, class Device, AugmentationFamily... Families>
class AugmentationChain {
 public:
  NASH_COLD explicit AugmentationChain(const std::tuple<Families...>& families)
      : maps_(std::apply([](const auto&... family) { return decltype(maps_)(family...); }, families)) {}

  NASH_COLD void apply(Context<Device>& context, RandomStream random, double probability, Tensor<T, Device>& images) {
    check(images.shape());
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      (std::get<Is>(maps_).apply(context, MapDraws{random.child(Is), probability}, false, images), ...);
    }(std::index_sequence_for<Families...>{});
  }
  /// From the last family to the first.
  NASH_COLD void apply_backward(Context<Device>& context, RandomStream random, double probability, Tensor<T, Device>& d) {
    check(d.shape());
    constexpr std::size_t last = sizeof...(Families) - 1;
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      (std::get<last - Is>(maps_).apply(context, MapDraws{random.child(last - Is), probability}, true, d), ...);
    }(std::index_sequence_for<Families...>{});
  }

 private:
  static void check(const Shape& shape) {
    if (shape.rank() != 4) throw ShapeError("Augmentation", "N×H×W×C images", shape.text(), "end the generator with such images");
  }

  std::tuple<typename Families::template Maps<T, Device>...> maps_;
};

}  // namespace nash
