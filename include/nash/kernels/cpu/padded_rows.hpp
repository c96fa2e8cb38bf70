// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/product_operands.hpp"

namespace nash::cpu {

/// The rows of pixels that some lines of results see, each once, with zeros for the padding.
///
/// What a tap sees of a line of results lies evenly: `step` values from one result to the next, so that a micro-kernel reads it where it is.
template <class T>
class PaddedRows {
 public:
  /// Of at most `lines` lines, in memory_size(g, lines) values that outlive it.
  PaddedRows(const Conv2dGeometry& g, T* memory, index_t lines)
      : g_(g), row_size_(row_size(g)), padding_(std::min(g.padding_w * g.c, row_size_)), pixels_(std::min(g.w * g.c, row_size_ - padding_)), rows_(memory) {
    for (T *row = memory, *const end = memory + memory_size(g, lines); row < end; row += row_size_) {
      fill_zeros(row, 0, padding_);
      fill_zeros(row, padding_ + pixels_, row_size_);
    }
  }
  static index_t memory_size(const Conv2dGeometry& g, index_t lines) { return rows_of(g, lines) * row_size(g); }

  /// Lines [first, first + count) of the results of one image.
  void load(const T* image, index_t first, index_t count) {
    T* to = rows_;
    for (index_t line = first; line < first + count; ++line)
      for (index_t r = line == first ? 0 : g_.r - rows_of_line(g_); r < g_.r; ++r, to += row_size_) {
        const index_t h = line * g_.stride_h - g_.padding_h + r;
        if (h >= 0 && h < g_.h)
          std::copy_n(image + h * g_.w * g_.c, pixels_, to + padding_);
        else
          fill_zeros(to, padding_, padding_ + pixels_);
      }
  }

  /// What the first result of one of these lines sees at its first tap.
  const T* line(index_t index) const { return rows_ + index * rows_of_line(g_) * row_size_; }
  /// From there to what it sees at a tap, counted as in a filter: [r][s][channel].
  index_t offset(index_t tap) const { return tap / (g_.s * g_.c) * row_size_ + tap % (g_.s * g_.c); }
  index_t step() const { return g_.stride_w * g_.c; }

 private:
  /// Rows that a line adds to those of the line before it.
  static index_t rows_of_line(const Conv2dGeometry& g) { return std::min(g.stride_h, g.r); }
  static index_t rows_of(const Conv2dGeometry& g, index_t lines) { return (lines - 1) * rows_of_line(g) + g.r; }
  static index_t row_size(const Conv2dGeometry& g) { return ((g.q() - 1) * g.stride_w + g.s) * g.c; }

  /// row[i] := 0 for i in [begin, end), which are few: not worth a call
  static void fill_zeros(T* row, index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) row[i] = T{0};
  }

  Conv2dGeometry g_;
  index_t row_size_, padding_, pixels_;  // values
  T* rows_;
};

}  // namespace nash::cpu
