// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/product_operands.hpp"

namespace nash::cpu {

/// Left operand: row m is the window of result m, the results in the order of memory, for images of few channels. The images are copied
/// with their padding first, which is little beside the results: then a window lies anywhere as it would inside, and nothing has to be
/// found out about borders.
template <class T>
class PaddedWindowRows final : public LeftOperand<T> {
 public:
  PaddedWindowRows(Context<Cpu>& context, const T* images, const Conv2dGeometry& g)
      : g_(g), row_size_((g.w + 2 * g.padding_w) * g.c), image_size_((g.h + 2 * g.padding_h) * row_size_), padded_(context.template scratch<T>(g.n * image_size_)) {
    const index_t before = g.padding_w * g.c, inside = g.w * g.c, lines = g.h + 2 * g.padding_h;
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (padded_.count() > 1 << 14)
    for (index_t line = 0; line < g.n * lines; ++line) {
      T* const to = padded_.data() + line * row_size_;
      const index_t row = line % lines - g.padding_h;
      if (row < 0 || row >= g.h) {
        std::fill_n(to, row_size_, T{0});
      } else {
        std::fill_n(to, before, T{0});
        std::copy_n(images + (line / lines * g.h + row) * inside, inside, to + before);
        std::fill_n(to + before + inside, before, T{0});
      }
    }
  }

  /// Whether a slice of k holds a whole window, and windows overlap, so that the copy is less than what is read.
  static bool suits(const Conv2dGeometry& g) { return g.r * g.s * g.c <= max_slice && g.h * g.w <= g.p() * g.q() * g.r * g.s; }

  index_t stride(int) const override { return 1; }
  void panel(index_t m, index_t m_end, int rows, Slice, SegmentList<T>& list, T*) const override {
    const T* window[max_tile_rows];
    const index_t results = g_.p() * g_.q(), step = g_.stride_w * g_.c;
    index_t image = m / results, line = m % results / g_.q(), column = m % results % g_.q();
    for (int i = 0; i < rows; ++i) {
      window[i] = m + i < m_end ? padded_.data() + image * image_size_ + line * g_.stride_h * row_size_ + column * step : window[i - 1];
      if (++column < g_.q()) continue;
      column = 0;
      if (++line == g_.p()) line = 0, ++image;
    }
    for (index_t r = 0; r < g_.r; ++r) {  // the taps of a row are neighbours in memory
      Segment<T>& segment = list.add(r * g_.s * g_.c, g_.s * g_.c);
      for (int i = 0; i < rows; ++i) segment.rows[i] = window[i] + r * row_size_;
    }
  }

 private:
  Conv2dGeometry g_;
  index_t row_size_, image_size_;
  typename Arena<Cpu>::template Scratch<T> padded_;
};

}  // namespace nash::cpu
