// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/product_operands.hpp"

namespace nash::cpu {

/// The pixels of images with few channels as the sums of what the results of a convolution give them, a line of results at a time: what is left of
/// backward_data when all gradients have been multiplied with all taps.
///
/// Pixels are cut into blocks of stride_h × stride_w, counted from the first pixel of the padding. A filter reaches across_h × across_w blocks, from
/// the one of its first tap on, and a result gives each of these a value for each pixel and channel, which nobody reads where the filter ends within
/// the block: [block row][block column][pixel row][pixel column][channel]. So a row of pixels of a block adds up what lies side by side.
template <class T>
class GivenPixels {
 public:
  /// What a result gives is rounded up to a multiple of `vector` values.
  GivenPixels(const Conv2dGeometry& g, index_t vector)
      : g_(g), across_h_(divide_up(g.r, g.stride_h)), across_w_(divide_up(g.s, g.stride_w)), block_(g.stride_h * g.stride_w * g.c),
        width_(round_up(across_h_ * across_w_ * block_, vector)), grid_w_(divide_up(g.w + g.padding_w, g.stride_w)), p_(g.p()), line_size_((across_w_ - 1 + std::max(g.q(), grid_w_)) * width_) {}

  /// Values that a result gives.
  index_t width() const { return width_; }
  /// Lines of blocks that have pixels of the image; line u gets what the results of lines u - across_h() + 1 to u give.
  index_t lines() const { return divide_up(g_.h + g_.padding_h, g_.stride_h); }
  index_t across_h() const { return across_h_; }

  /// The right operand of the products, [O][width].
  void pack_filters(const T* w, T* to) const {
    for (index_t o = 0; o < g_.o; ++o, to += width_) {
      std::fill_n(to, width_, T{0});
      for (index_t r = 0; r < g_.r; ++r)
        for (index_t s = 0; s < g_.s; ++s, w += g_.c) {
          const index_t block = r / g_.stride_h * across_w_ + s / g_.stride_w, pixel = r % g_.stride_h * g_.stride_w + s % g_.stride_w;
          std::copy_n(w, g_.c, to + block * block_ + pixel * g_.c);
        }
    }
  }

  /// What a row of pixels starts from: a bias for each channel, or null for zero.
  index_t starts_size() const { return run() + lanes; }
  void fill_starts(const T* bias, T* to) const {
    for (index_t i = 0; i < starts_size(); ++i) to[i] = bias != nullptr ? bias[i % g_.c] : T{0};
  }

  /// Values of memory, zeros at first: the last across_h lines in turns, each with zeros beside it for blocks that fewer results reach; a row of
  /// pixels; where all lies that a pixel is given.
  index_t memory_size() const { return sources_at() + divide_up(across_h_ * across_w_ * index_t{sizeof(const T*)}, index_t{sizeof(T)}); }
  /// Where the results of a line give: [Q][width].
  T* given_by(T* memory, index_t line) const { return memory + line % across_h_ * line_size_ + (across_w_ - 1) * width_; }

  /// The pixels of a line of blocks, and then the epilogue.
  NASH_NOINLINE void add_up(T* memory, index_t line, const T* starts, T* image, const Epilogue<T>& epilogue) const {
    const auto sources = static_cast<const T**>(static_cast<void*>(memory + sources_at()));
    T* const row = memory + row_at();
    for (index_t phase = 0; phase < g_.stride_h; ++phase) {
      const index_t h = line * g_.stride_h + phase - g_.padding_h;
      if (h < 0 || h >= g_.h) continue;
      const index_t whole = g_.s / g_.stride_w;  // blocks side by side in which the filter does not end
      const auto source = [&](index_t a, index_t b) { return given_by(memory, line - a) - b * width_ + (a * across_w_ + b) * block_ + phase * run(); };
      const auto gives = [&](index_t a) { return line - a >= 0 && line - a < p_ && a * g_.stride_h + phase < g_.r; };
      index_t count = 0;
      for (index_t a = 0; a < across_h_; ++a)
        for (index_t b = 0; b < whole && gives(a); ++b) sources[count++] = source(a, b);
      count == usual ? add_row<usual>(sources, count, starts, row) : add_row<0>(sources, count, starts, row);
      for (index_t a = 0; a < across_h_; ++a)
        if (whole < across_w_ && gives(a)) add_part(source(a, whole), (g_.s - whole * g_.stride_w) * g_.c, row);
      T* const to = image + h * g_.w * g_.c;
      std::copy_n(row + g_.padding_w * g_.c, g_.w * g_.c, to);
      epilogue.apply(to, g_.w * g_.c);
    }
  }

 private:
  static constexpr index_t lanes = 4;  // of the vectors that add up
  static constexpr index_t usual = 4;  // sources, as of 4×4 taps with stride 2

  /// Values of a block's row of pixels.
  index_t run() const { return g_.stride_w * g_.c; }
  index_t row_at() const { return across_h_ * line_size_ + lanes; }
  index_t sources_at() const { return round_up(row_at() + grid_w_ * run() + lanes, index_t{64 / sizeof(T)}); }

  /// to[j·run + i] := starts[i] + Σ over the sources of source[j·width + i] for all blocks j and i < run. The vectors reach beyond the run, into what
  /// is written next. So many sources as are known when it is compiled, or `count`.
  template <index_t known>
  void add_row(const T* const* sources, index_t count, const T* starts, T* to) const {
    using Vector = typename VectorOf<T, lanes * sizeof(T)>::type;
    const index_t run = this->run(), step = width_;
    if constexpr (known > 0) count = known;
    for (index_t blocks = grid_w_, at = 0; blocks > 0; --blocks, at += step, to += run)
      for (index_t i = 0; i < run; i += lanes) {
        Vector sum, term;
        std::memcpy(&sum, starts + i, sizeof sum);
        for (index_t k = 0; k < count; ++k) {
          std::memcpy(&term, sources[k] + at + i, sizeof term);
          sum += term;
        }
        std::memcpy(to + i, &sum, sizeof sum);
      }
  }

  /// to[j·run + i] += source[j·width + i] for all blocks j and i < count.
  void add_part(const T* source, index_t count, T* to) const {
    for (index_t blocks = grid_w_; blocks > 0; --blocks, source += width_, to += run())
      for (index_t i = 0; i < count; ++i) to[i] += source[i];
  }

  Conv2dGeometry g_;
  index_t across_h_, across_w_, block_, width_, grid_w_;
  index_t p_, line_size_;
};

}  // namespace nash::cpu
