// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include "nash/core/error.hpp"

namespace nash {

/// The extents of a tensor: up to four, row-major, the last one contiguous.
///
/// The layouts of nash, said once:
///   images   N×H×W×C   batch, height, width, channels ("channels last")
///   filters  O×H×W×I   for a convolution from I to O channels; a transposed convolution stores the filters of the
///                      convolution that it is the adjoint of, so its O is the number of channels it reads
///   dense    O×I       a weight matrix that maps I inputs to O outputs
///   latents  N×D
class Shape {
 public:
  static constexpr int max_rank = 4;

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<index_t> extents) {
    if (extents.size() > static_cast<std::size_t>(max_rank))
      refuse_rank(extents.size());
    for (const index_t extent : extents) push_back(extent);
  }

  constexpr int rank() const { return rank_; }
  constexpr index_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }

  /// The product of the extents; an empty shape has one element. Throws ShapeError where it does not fit in 63 bits.
  constexpr index_t count() const { return count_from(0); }

  /// The number of elements of one entry of the first axis: H·W·C of N×H×W×C.
  constexpr index_t count_per_sample() const { return count_from(1); }

  /// The number of rows that the last axis is repeated for: N·H·W of N×H×W×C.
  constexpr index_t rows() const { return rank_ == 0 ? 1 : channels() == 0 ? 0 : count() / channels(); }

  /// The last extent: C of N×H×W×C.
  constexpr index_t channels() const { return rank_ == 0 ? 1 : (*this)[rank_ - 1]; }

  /// The same shape for another number of samples.
  constexpr Shape with_samples(index_t samples) const {
    Shape other = *this;
    other.extents_[0] = samples;
    return other;
  }

  constexpr bool operator==(const Shape&) const = default;

  /// "64×28×28×1"
  std::string text() const { return concat({*this}); }
  operator TextPart() const { return {extents_.data(), rank_}; }

 private:
  constexpr void push_back(index_t extent) {
    if (extent < 0) refuse_extent(extent);
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }

  constexpr index_t count_from(int first) const {
    index_t product = 1;
    for (int axis = first; axis < rank_; ++axis) {
      const index_t extent = (*this)[axis];
      if (extent != 0 && product > std::numeric_limits<index_t>::max() / extent)
        refuse_count();
      product *= extent;
    }
    return product;
  }

  [[noreturn]] NASH_COLD static void refuse_rank(std::size_t rank) {
    throw ShapeError("Shape", "at most 4 dimensions", concat({rank, " dimensions"}), "fold some of them together");
  }
  [[noreturn]] NASH_COLD static void refuse_extent(index_t extent) {
    throw ShapeError("Shape", "extents of at least 0", concat({extent}), "check the sizes that it was built from");
  }
  [[noreturn]] NASH_COLD void refuse_count() const {
    throw ShapeError("Shape " + text(), "a number of elements below 2^63", "more", "use smaller sizes");
  }

  std::array<index_t, max_rank> extents_{};
  int rank_ = 0;
};

}  // namespace nash
