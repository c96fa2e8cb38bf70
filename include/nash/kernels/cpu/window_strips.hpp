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
  /// The most channels that images have here, and the most values that a window has.
  static constexpr index_t most_channels = 4, most_taps = max_slice;

  /// Of at most `lines` lines, in memory_size(g, lines) values that outlive it.
  WindowStrips(const Conv2dGeometry& g, T* memory)
      : g_(g), columns_(line_columns(g)), line_size_(line_size(g)), row_size_(g.w * g.c), zeros_(memory), strips_(memory + zeros_size(g)) {
    std::fill_n(memory, zeros_size(g), T{0});
  }
  static index_t memory_size(const Conv2dGeometry& g, index_t lines) { return zeros_size(g) + lines * line_size(g) + slack; }
  /// Values of a line's strip.
  static index_t line_size(const Conv2dGeometry& g) { return line_columns(g) * g.r * g.c; }

  /// Lines [first, first + count) of the results of one image.
  void load(const T* image, index_t first, index_t count) {
    for (index_t line = 0; line < count; ++line) load_line(image, (first + line) * g_.stride_h - g_.padding_h, strips_ + line * line_size_);
  }

  /// The first window of one of these lines.
  const T* line(index_t index) const { return strips_ + index * line_size_; }
  index_t step() const { return g_.stride_w * g_.r * g_.c; }

 private:
  static constexpr index_t lanes = most_channels, usual_rows = 4;
  static constexpr index_t slack = 16;  // values behind the last strip that may be written, and read by who reads whole vectors
  using Vector = typename VectorOf<T, lanes * sizeof(T)>::type;

  static index_t zeros_size(const Conv2dGeometry& g) { return round_up(g.w * g.c, index_t{64 / sizeof(T)}); }  // the strips begin with a line of the cache
  static index_t line_columns(const Conv2dGeometry& g) { return (g.q() - 1) * g.stride_w + g.s; }

  /// The strip of the rows of pixels from `top` on.
  void load_line(const T* image, index_t top, T* to) const {
    const index_t low = std::min(g_.padding_w, columns_), high = std::clamp(g_.w + g_.padding_w, low, columns_), step = g_.r * g_.c, count = high - low;
    const T* rows[most_taps];
    for (index_t r = 0; r < g_.r; ++r) rows[r] = top + r >= 0 && top + r < g_.h ? image + (top + r) * row_size_ : zeros_;
    clear(to, low * step);
    if (g_.c == 1)
      load_values(rows, count, to + low * step);
    else if (g_.r == usual_rows)
      load_pixels<usual_rows>(rows, count, to + low * step);
    else
      load_pixels<0>(rows, count, to + low * step);
    clear(to + high * step, (columns_ - high) * step);
  }

  /// Zeros, which are few, in vectors that may reach beyond them, into what is written next.
  static void clear(T* to, index_t count) {
    for (const T* const end = to + count; to < end; to += lanes) {
      asm("" : "+r"(to));  // or it becomes a call, which takes longer
      const Vector zero{};
      std::memcpy(to, &zero, sizeof zero);
    }
  }

  /// Rows of a single channel: four of them at a time, four columns at a time, and what is left.
  void load_values(const T* const* rows, index_t count, T* to) const {
    const index_t whole_rows = count < lanes ? 0 : g_.r / lanes * lanes;
    for (index_t r = 0; r < whole_rows; r += lanes)
      for (index_t j = 0; j < count; j += lanes) {
        const index_t column = std::min(j, count - lanes);  // the last four are all there, some of them once more
        transpose(rows + r, column, to + column * g_.r + r, g_.r);
      }
    for (index_t r = whole_rows; r < g_.r; ++r)
      for (index_t j = 0; j < count; ++j) to[j * g_.r + r] = rows[r][j];
  }

  /// to[j·step + i] := rows[i][column + j] for i, j < 4
  static void transpose(const T* const* rows, index_t column, T* to, index_t step) {
    Vector a, b, c, d;
    std::memcpy(&a, rows[0] + column, sizeof a), std::memcpy(&b, rows[1] + column, sizeof b);
    std::memcpy(&c, rows[2] + column, sizeof c), std::memcpy(&d, rows[3] + column, sizeof d);
    transpose_vectors(a, b, c, d);
    std::memcpy(to, &a, sizeof a), std::memcpy(to + step, &b, sizeof b);
    std::memcpy(to + 2 * step, &c, sizeof c), std::memcpy(to + 3 * step, &d, sizeof d);
  }

  /// A copy of most_channels values for each pixel: what that has of the next pixel is written over. The last column has exactly its own.
  /// So many rows as are known when it is compiled, or all.
  template <index_t known>
  void load_pixels(const T* const* rows, index_t count, T* to) const {
    const index_t channels = g_.c, row_count = known > 0 ? known : g_.r;
    for (index_t at = 0; at < (count - 1) * channels; at += channels)
      for (index_t r = 0; r < row_count; ++r, to += channels) std::memcpy(to, rows[r] + at, sizeof(Vector));
    for (index_t r = 0; r < row_count && count > 0; ++r, to += channels) std::copy_n(rows[r] + (count - 1) * channels, channels, to);
  }

  Conv2dGeometry g_;
  index_t columns_, line_size_, row_size_;
  const T* zeros_;
  T* strips_;
};

}  // namespace nash::cpu
