// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/error.hpp"

namespace nash {

/// Where position i lies on an axis of `size` pixels that is mirrored at its first and its last one, without repeating them.
NASH_HOST_DEVICE inline index_t reflected(index_t i, index_t size) {
  if (size == 1) return 0;
  const index_t period = 2 * (size - 1), rest = i % period, place = rest < 0 ? rest + period : rest;
  return place < size ? place : period - place;
}

/// The positions p from low to high with reflected(p, size) == i: what the way back of a map with mirrored borders sums over.
///
///     for (ReflectedPositions p(i, size, low, high); p.valid(); p.next()) …p.position()…
class ReflectedPositions {
 public:
  NASH_HOST_DEVICE ReflectedPositions(index_t i, index_t size, index_t low, index_t high)
      : period_(size == 1 ? 1 : 2 * (size - 1)), low_(low), high_(high), mirrored_(2 * i % period_ == 0 ? i : -i), position_(first(i)),
        is_second_(mirrored_ == i) {
    skip();
  }
  NASH_HOST_DEVICE bool valid() const { return position_ <= high_; }
  NASH_HOST_DEVICE index_t position() const { return position_; }
  NASH_HOST_DEVICE void next() {
    position_ += period_;
    skip();
  }

 private:
  /// The first from low on that is i, but for whole periods.
  NASH_HOST_DEVICE index_t first(index_t i) const {
    const index_t rest = (i - low_) % period_;
    return low_ + (rest < 0 ? rest + period_ : rest);
  }
  NASH_HOST_DEVICE void skip() {
    if (position_ <= high_ || is_second_) return;
    is_second_ = true;
    position_ = first(mirrored_);
  }

  index_t period_, low_, high_, mirrored_, position_;
  bool is_second_;
};

}  // namespace nash
