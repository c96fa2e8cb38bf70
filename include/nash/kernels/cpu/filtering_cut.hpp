// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/minimal_filtering.hpp"

namespace nash::cpu {

/// One direction of a convolution, height or width.
struct Axis {
  index_t size, taps, stride, padding, results;

  /// The taps of the filter that meet pixels of this phase: phase, phase + stride, …
  index_t taps_of(index_t phase) const { return (taps - phase + stride - 1) / stride; }

  /// How many taps of all results are not on the padding.
  index_t taps_inside() const {
    index_t count = 0;
    for (index_t i = 0; i < results; ++i)
      count += std::max<index_t>(0, std::min(taps, size - i * stride + padding) - std::max<index_t>(0, padding - i * stride));
    return count;
  }
};

/// How the results along an axis are cut into tiles, for phases with so many taps: large tiles, then smaller ones, of which the
/// last may reach beyond the end. Smaller tiles have the first of the positions of large ones.
template <class T>
struct Cut {
  struct Tiles {
    index_t count = 0, size = 0;
    const FilteringMaps<T>* maps = nullptr;
    int positions() const { return count > 0 ? maps->inputs.out : 0; }
  };
  Tiles large, small;
  index_t first_input = 0;  ///< 1 where a tile is closed: between zeros that it leaves out

  Cut() = default;
  NASH_COLD Cut(const Axis& axis, index_t taps, InstructionSet set) {
    if (taps == 1) {  // nothing to save: each result by itself
      large = {axis.results, 1, &FilteringMaps<T>::template of<MinimalFiltering<1, 1>>(set)};
    } else if (taps == 2 && axis.results == 4 && is_closed(axis)) {
      large = {1, 4, &FilteringMaps<T>::template constant_of<ClosedFiltering>(set)};
      first_input = 1;
    } else {
      large.size = 4, small.size = 3;
      large.maps = &(taps == 2 ? FilteringMaps<T>::template constant_of<MinimalFiltering<4, 2>>(set) : FilteringMaps<T>::template of<MinimalFiltering<4, 3>>(set));
      small.maps = &(taps == 2 ? FilteringMaps<T>::template constant_of<MinimalFiltering<3, 2>>(set) : FilteringMaps<T>::template of<MinimalFiltering<3, 3>>(set));
      large.count = (axis.results + 3) / 4;
      for (index_t threes = 1; threes <= 3; ++threes) {
        const index_t fours = std::max<index_t>(1, (axis.results - 3 * threes + 3) / 4);
        const index_t cost = fours * large.maps->inputs.out + threes * small.maps->inputs.out;
        if (cost < multiplications()) large.count = fours, small.count = threes;
      }
    }
  }

  int positions() const { return large.positions(); }
  index_t multiplications() const { return large.count * large.positions() + small.count * small.positions(); }
  index_t count() const { return large.count + small.count; }
  /// Of the tiles that have values at this position.
  index_t count_at(index_t position) const { return position < small.positions() ? count() : large.count; }
  const FilteringMaps<T>& maps(index_t tile) const { return *(tile < large.count ? large : small).maps; }
  index_t begin(index_t tile) const {
    return large.size * std::min(tile, large.count) + small.size * std::max<index_t>(0, tile - large.count);
  }

 private:
  /// Whether all phases with two taps begin and end on the padding.
  static bool is_closed(const Axis& axis) {
    for (index_t phase = 0; phase < axis.stride; ++phase)
      if (axis.taps_of(phase) == 2 && (phase >= axis.padding || 4 * axis.stride + phase - axis.padding < axis.size)) return false;
    return true;
  }
};

}  // namespace nash::cpu
