// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"

namespace nash::cpu {

/// The windows of some lines of results, of images with few channels, each window contiguous in memory.
///
/// For each line of results the rows of pixels that it sees lie side by side, column by column, in a strip: [column][tap row][channel]. A window is
/// then a part of the strip, in the order (tap column, tap row, channel), and the next one begins `step` values behind it. Padding is there as
/// zeros. A pixel is copied R/stride times, which is little beside the results if channels are few.
template <class T>
class WindowStrips {
 public:
  /// Of at most `lines` lines; `memory` has `size` of them.
  WindowStrips(const Conv2dGeometry& g, T* memory) : g_(g), columns_(line_columns(g)), line_size_(line_size(g)), strips_(memory) {}
  static index_t size(const Conv2dGeometry& g, index_t lines) { return lines * line_size(g) + slack; }

  /// Lines [first, first + count) of the results of one image.
  void load(const T* image, index_t first, index_t count) {
    for (index_t line = 0; line < count; ++line) load_line(image, (first + line) * g_.stride_h - g_.padding_h, strips_ + line * line_size_);
  }

  /// The first window of one of these lines.
  const T* line(index_t index) const { return strips_ + index * line_size_; }
  index_t step() const { return g_.stride_w * g_.r * g_.c; }

  /// The most channels that images have here.
  static constexpr index_t most_channels = 4;

 private:
  static constexpr index_t slack = 16;  // values that may be read behind the last window: they go into sums that nobody reads

  static index_t line_columns(const Conv2dGeometry& g) { return (g.q() - 1) * g.stride_w + g.s; }
  static index_t line_size(const Conv2dGeometry& g) { return line_columns(g) * g.r * g.c; }

  /// The strip of the rows of pixels from `top` on.
  void load_line(const T* image, index_t top, T* to) const {
    const index_t columns = columns_, low = std::min(g_.padding_w, columns), high = std::clamp(g_.w + g_.padding_w, low, columns);
    const index_t step = g_.r * g_.c, row_size = g_.w * g_.c, count = high - low;
    const T* const first = image + top * row_size + (low - g_.padding_w) * g_.c;
    std::fill_n(to, low * step, T{0});
    if (top < 0 || top + g_.r > g_.h)
      for (index_t r = 0; r < g_.r; ++r) load_row(top + r >= 0 && top + r < g_.h ? first + r * row_size : nullptr, count, to + low * step + r * g_.c);
    else if (g_.c == 1)
      transpose_block(first, row_size, g_.r, count, to + low * step, step);
    else
      load_pixels(first, count, to + low * step);
    std::fill(to + high * step, to + columns * step, T{0});
  }

  /// One row of pixels, or zeros, into its places in the strip.
  void load_row(const T* from, index_t count, T* to) const {
    for (index_t j = 0; j < count; ++j, to += g_.r * g_.c)
      for (index_t c = 0; c < g_.c; ++c) to[c] = from != nullptr ? from[j * g_.c + c] : T{0};
  }

  /// All rows, with a copy of most_channels values for each pixel: what that has of the next pixel is written over. The last column has exactly its own.
  void load_pixels(const T* from, index_t count, T* to) const {
    const index_t rows = g_.r, channels = g_.c, row_size = g_.w * channels;
    for (; count > 1; --count, from += channels) {
      const T* pixel = from;
      for (index_t r = rows; r > 0; --r, pixel += row_size, to += channels) std::memcpy(to, pixel, most_channels * sizeof(T));
    }
    for (index_t r = 0; r < rows && count > 0; ++r, to += channels) std::copy_n(from + r * row_size, channels, to);
  }

  Conv2dGeometry g_;
  index_t columns_, line_size_;
  T* strips_;
};

}  // namespace nash::cpu
