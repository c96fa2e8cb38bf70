// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/augmentation_family.hpp"
#include "nash/method/reflected_positions.hpp"

namespace nash {

/// A symmetric filter's values at the distances 0, 1, …
struct BandFilterTaps {
  static constexpr index_t reach = 21;
  double tap[reach + 1] = {1};

  NASH_HOST_DEVICE bool is_identity() const {
    for (index_t k = 1; k <= reach; ++k)
      if (tap[k] != 0) return false;
    return tap[0] == 1;
  }
};

/// The low passes that split frequencies into octaves: below π/2, π/4 and π/8, L₁(z) = H(z)·H(1/z)/2, L₂ = L₁(z)·L₁(z²),
/// L₃ = L₂·L₁(z⁴). H is Daubechies' wavelet with two vanishing moments, so that L₁ has the values ½, 9/32, 0, −1/32 at 0 to ±3. What
/// they leave, 1 − L₁, L₁ − L₂, L₂ − L₃ and L₃, adds up to 1. All values are whole multiples of 2⁻¹⁵, and so exact as floats.
struct OctaveFilters {
  float low[3][BandFilterTaps::reach + 1] = {};  // at the distances 0, 1, …

  NASH_COLD constexpr OctaveFilters() {
    constexpr index_t reach = BandFilterTaps::reach;
    constexpr float half_band[4] = {0.5F, 9.0F / 32, 0, -1.0F / 32};
    for (index_t octave = 0; octave < 3; ++octave)
      for (index_t k = 0; k <= reach; ++k)
        for (index_t j = -3; j <= 3; ++j) {
          const index_t from = k - j * (index_t{1} << octave), distance = from < 0 ? -from : from;
          const float before = octave == 0 ? (distance == 0 ? 1.0F : 0.0F) : distance <= reach ? low[octave - 1][distance] : 0.0F;
          low[octave][k] += half_band[j < 0 ? -j : j] * before;
        }
  }
};

/// taps[n] := what a family draws for image n
template <class Family>
struct DrawBandFilters {
  static constexpr bool scalar_work = true;
  Family family;
  OctaveFilters octaves;
  MapDraws draws;
  BandFilterTaps* taps;
  NASH_HOST_DEVICE void operator()(index_t n) const { taps[n] = family.draw(octaves, draws, n); }
};

/// y := x filtered along one axis, of `size` values that lie `stride` apart, mirrored at its ends; or the adjoint of that
template <class T>
struct FilterAlong {
  static constexpr bool scalar_work = true;
  const BandFilterTaps* taps;
  index_t per_image, size, stride;
  bool is_cotangent;
  const T* x;
  T* y;

  NASH_HOST_DEVICE void operator()(index_t i) const {
    constexpr index_t reach = BandFilterTaps::reach;
    const BandFilterTaps& filter = taps[i / per_image];
    if (filter.is_identity()) {
      y[i] = x[i];
      return;
    }
    const index_t place = i / stride % size;
    const T* const line = x + (i - place * stride);
    double total = 0;
    if (!is_cotangent) {
      for (index_t k = -reach; k <= reach; ++k) total += filter.tap[k < 0 ? -k : k] * static_cast<double>(line[reflected(place + k, size) * stride]);
    } else {
      for (ReflectedPositions p(place, size, -reach, size - 1 + reach); p.valid(); p.next()) {
        const index_t first = p.position() < reach ? 0 : p.position() - reach, last = p.position() + reach < size ? p.position() + reach : size - 1;
        for (index_t to = first; to <= last; ++to) {
          const index_t k = p.position() - to;
          total += filter.tap[k < 0 ? -k : k] * static_cast<double>(line[to * stride]);
        }
      }
    }
    y[i] = static_cast<T>(total);
  }
};

/// What a family does whose maps are filters.
template <class T, class Device, class Family>
class FilterMaps {
 public:
  explicit FilterMaps(const Family& family) : family_(family) {}

  /// In the same order both ways, since the two axes commute.
  NASH_COLD void apply(Context<Device>& context, const MapDraws& draws, bool is_cotangent, Tensor<T, Device>& images) {
    const Shape& shape = images.shape();
    taps_.resize(Shape{shape[0]});
    pointwise(context, shape[0], DrawBandFilters<Family>{family_, octaves_, draws, taps_.data()});
    const auto between = context.template scratch<T>(images.count());
    const index_t per_image = shape.count_per_sample();
    pointwise(context, images.count(),
              FilterAlong<T>{taps_.data(), per_image, shape[1], shape[2] * shape[3], is_cotangent, images.data(), between.data()});
    pointwise(context, images.count(), FilterAlong<T>{taps_.data(), per_image, shape[2], shape[3], is_cotangent, between.data(), images.data()});
  }

 private:
  Family family_;
  OctaveFilters octaves_;
  Tensor<BandFilterTaps, Device> taps_;
};

/// Frequencies of an image made stronger or weaker, in four octaves up to π/8, π/4, π/2 and π, each with the draw's probability. Karras et
/// al. 2020, "Training generative adversarial networks with limited data", appendix B, "image-space filtering": a band's gain is
/// 2^(strength·N(0, 1)), after which all four are divided by √(Σ λ·gain²), λ = 10/13, 1/13, 1/13, 1/13, so that the power of a natural
/// image stays. Borders are mirrored.
struct BandFilter {
  double strength = 1;  ///< the deviation of log₂ of a band's gain

  NASH_COLD void check() const { check_map_option("BandFilter", "a deviation of the gain's logarithm", strength, 4); }

  NASH_HOST_DEVICE BandFilterTaps draw(const OctaveFilters& octaves, const MapDraws& draws, index_t n) const {
    double gain[4] = {1, 1, 1, 1};  // from the lowest frequencies to the highest
    for (int band = 0; band < 4; ++band) {
      if (!(strength > 0 && draws.happens(n, band))) continue;
      const double own = draws.log_normal(n, band, strength), share = (band == 0 ? 10.0 : 1.0) / 13;
      const double scale = 1 / std::sqrt(1 - share + share * own * own);
      for (int other = 0; other < 4; ++other) gain[other] *= other == band ? scale * own : scale;
    }
    BandFilterTaps filter;
    filter.tap[0] = gain[3];
    for (int octave = 0; octave < 3; ++octave)
      for (index_t k = 0; k <= BandFilterTaps::reach; ++k)
        filter.tap[k] += (gain[2 - octave] - gain[3 - octave]) * static_cast<double>(octaves.low[octave][k]);
    return filter;
  }

  template <class T, class Device>
  using Maps = FilterMaps<T, Device, BandFilter>;
};

}  // namespace nash
