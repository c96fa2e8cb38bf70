// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/gemm.hpp"
#include "nash/kernels/reference/conv2d.hpp"

namespace nash {
namespace cpu {

/// The positions of an image that one tap of a filter meets, for a grid of results: result (i, j) of image n meets pixel
/// (i·stride_h + offset_h(tap), j·stride_w + offset_w(tap)), where tap = row·columns + column.
struct TapGrid {
  index_t height, width, channels;       // of the images that are read
  index_t grid_h, grid_w;                // the results
  index_t stride_h, stride_w;
  index_t tap_columns;
  index_t first_h, step_h;               // offset_h = first_h + step_h·row
  index_t first_w, step_w;

  struct Position {
    index_t n, i, j;
  };
  Position position(index_t result) const {
    return {result / (grid_h * grid_w), result / grid_w % grid_h, result % grid_w};
  }
  /// The pixel's index within the batch, or −1 on the padding.
  index_t pixel(const Position& at, index_t tap) const {
    const index_t h = at.i * stride_h + first_h + step_h * (tap / tap_columns);
    const index_t w = at.j * stride_w + first_w + step_w * (tap % tap_columns);
    return h < 0 || h >= height || w < 0 || w >= width ? -1 : (at.n * height + h) * width + w;
  }
};

/// Left operand: row m is the patch of the images that result m sees, read where it lies. depth = channels.
template <class T>
struct PatchRows final : LeftOperand<T> {
  /// `zeros` is a pixel of the padding.
  PatchRows(const T* images, const T* zeros, const TapGrid& grid, index_t tap_count)
      : LeftOperand<T>(tap_count, grid.channels), images_(images), zeros_(zeros), grid_(grid) {}

  index_t stride(int) const override { return 1; }
  void panel(index_t m, index_t m_end, int rows, const Slice& slice, const T** pointers, T*) const override {
    for (int i = 0; i < rows; ++i) {
      const TapGrid::Position at = grid_.position(std::min(m + i, m_end - 1));
      for (index_t t = 0; t < slice.taps; ++t) {
        const index_t pixel = grid_.pixel(at, slice.tap + t);
        pointers[t * rows + i] = pixel < 0 ? zeros_ : images_ + pixel * this->depth + slice.first;
      }
    }
  }

 private:
  const T* images_;
  const T* zeros_;
  TapGrid grid_;
};

/// Right operand: row k is the patch of the images that result k sees, its columns (tap, channel).
template <class T>
struct PatchColumns final : RightOperand<T> {
  PatchColumns(const T* images, const TapGrid& grid, index_t taps) : images_(images), grid_(grid), n_total_(taps * grid.channels) {}

  void pack(index_t begin, index_t count, index_t n, index_t width, T* to) const override {
    const index_t end = std::min(n + width, n_total_), channels = grid_.channels;
    for (index_t k = 0; k < count; ++k, to += width) {
      const TapGrid::Position at = grid_.position(begin + k);
      index_t column = n;
      while (column < end) {
        const index_t tap = column / channels, channel = column % channels;
        const index_t run = std::min(channels - channel, end - column);
        const index_t pixel = grid_.pixel(at, tap);
        if (pixel < 0)
          std::fill_n(to + (column - n), run, T{0});
        else
          std::copy_n(images_ + pixel * channels + channel, run, to + (column - n));
        column += run;
      }
      std::fill(to + (end - n), to + width, T{0});
    }
  }

 private:
  const T* images_;
  TapGrid grid_;
  index_t n_total_;
};

/// Right operand of one phase of backward_data: row k = (tap of the phase, filter), columns are the image's channels.
template <class T>
struct PhaseFilters final : RightOperand<T> {
  PhaseFilters(const T* filters, const Conv2dGeometry& g, index_t phase_h, index_t phase_w, index_t tap_columns)
      : filters_(filters), g_(g), phase_h_(phase_h), phase_w_(phase_w), tap_columns_(tap_columns) {}

  void pack(index_t begin, index_t count, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, g_.c - n);
    for (index_t k = begin; k < begin + count; ++k, to += width) {
      const index_t tap = k / g_.o, filter = k % g_.o;
      const index_t row = phase_h_ + g_.stride_h * (tap / tap_columns_), column = phase_w_ + g_.stride_w * (tap % tap_columns_);
      std::copy_n(filters_ + ((filter * g_.r + row) * g_.s + column) * g_.c + n, columns, to);
      std::fill(to + columns, to + width, T{0});
    }
  }

 private:
  const T* filters_;  // O×R×S×C
  Conv2dGeometry g_;
  index_t phase_h_, phase_w_, tap_columns_;
};

/// The pixels (first + stride·i, first + stride·j) of a batch of images.
template <class T>
struct PhasePixels final : ProductOutput<T> {
  PhasePixels(T* images, const Conv2dGeometry& g, index_t first_h, index_t first_w, index_t grid_h, index_t grid_w)
      : images_(images), g_(g), first_h_(first_h), first_w_(first_w), grid_h_(grid_h), grid_w_(grid_w) {}

  T* row(index_t m) const override {
    const index_t n = m / (grid_h_ * grid_w_), i = m / grid_w_ % grid_h_, j = m % grid_w_;
    return images_ + ((n * g_.h + first_h_ + i * g_.stride_h) * g_.w + first_w_ + j * g_.stride_w) * g_.c;
  }

 private:
  T* images_;
  Conv2dGeometry g_;
  index_t first_h_, first_w_, grid_h_, grid_w_;
};

}  // namespace cpu

/// Convolution as a matrix product whose operands are read from the images themselves: nothing is unrolled in memory.
/// backward_data is split by the phase of the pixel within the stride, so that no tap of it meets nothing.
template <>
struct Conv2dKernels<Cpu> {
  template <class T>
  static void forward(Context<Cpu>& context, const Conv2dGeometry& g, const T* x, const T* w, T* y, const T* bias = nullptr) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::forward(context, g, x, w, y, bias);
    } else {
      const auto zeros = context.template scratch<T>(g.c);
      std::fill_n(zeros.data(), g.c, T{0});
      const cpu::PatchRows<T> patches(x, zeros.data(), patch_grid(g), g.r * g.s);
      const cpu::TransposedColumns<T> filters(w, g.o, g.r * g.s * g.c);
      const cpu::MatrixOutput<T> results(y, g.o);
      cpu::PackedProduct<T>(context, g.n * g.p() * g.q(), g.o, patches, filters, results, bias, false).run();
    }
  }

  template <class T>
  static void backward_data(Context<Cpu>& context, const Conv2dGeometry& g, const T* dy, const T* w, T* dx,
                            const T* bias = nullptr) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::backward_data(context, g, dy, w, dx, bias);
    } else {
      const auto zeros = context.template scratch<T>(g.o);
      std::fill_n(zeros.data(), g.o, T{0});
      for (index_t i = 0; i < g.stride_h; ++i)
        for (index_t j = 0; j < g.stride_w; ++j) backward_phase(context, g, i, j, dy, w, zeros.data(), dx, bias);
    }
  }

  template <class T>
  static void backward_weights(Context<Cpu>& context, const Conv2dGeometry& g, const T* x, const T* dy, T* dw) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::backward_weights(context, g, x, dy, dw);
    } else {
      const index_t columns = g.r * g.s * g.c;
      const cpu::TransposedRows<T> gradients(dy, g.o, g.n * g.p() * g.q());
      const cpu::PatchColumns<T> patches(x, patch_grid(g), g.r * g.s);
      const cpu::MatrixOutput<T> filters(dw, columns);
      cpu::PackedProduct<T>(context, g.o, columns, gradients, patches, filters, nullptr, true).run();
    }
  }

 private:
  static index_t mod(index_t a, index_t b) { return (a % b + b) % b; }
  /// How many of first, first + step, … lie below end.
  static index_t steps(index_t first, index_t end, index_t step) { return first >= end ? 0 : (end - first + step - 1) / step; }

  static cpu::TapGrid patch_grid(const Conv2dGeometry& g) {
    return {.height = g.h, .width = g.w, .channels = g.c, .grid_h = g.p(), .grid_w = g.q(),
            .stride_h = g.stride_h, .stride_w = g.stride_w, .tap_columns = g.s,
            .first_h = -g.padding_h, .step_h = 1, .first_w = -g.padding_w, .step_w = 1};
  }

  /// The pixels h with (h + padding) mod stride = phase, in both directions: they are seen by the filter's taps phase,
  /// phase + stride, … and by no other.
  template <class T>
  static void backward_phase(Context<Cpu>& context, const Conv2dGeometry& g, index_t phase_h, index_t phase_w, const T* dy,
                             const T* w, const T* zeros, T* dx, const T* bias) {
    const index_t first_h = mod(phase_h - g.padding_h, g.stride_h), first_w = mod(phase_w - g.padding_w, g.stride_w);
    const index_t grid_h = steps(first_h, g.h, g.stride_h), grid_w = steps(first_w, g.w, g.stride_w);
    const index_t taps_h = steps(phase_h, g.r, g.stride_h), taps_w = steps(phase_w, g.s, g.stride_w);
    const index_t tap_columns = std::max<index_t>(taps_w, 1);
    const cpu::TapGrid grid{.height = g.p(), .width = g.q(), .channels = g.o, .grid_h = grid_h, .grid_w = grid_w,
                            .stride_h = 1, .stride_w = 1, .tap_columns = tap_columns,
                            .first_h = (first_h + g.padding_h - phase_h) / g.stride_h, .step_h = -1,
                            .first_w = (first_w + g.padding_w - phase_w) / g.stride_w, .step_w = -1};
    const cpu::PatchRows<T> patches(dy, zeros, grid, taps_h * taps_w);
    const cpu::PhaseFilters<T> filters(w, g, phase_h, phase_w, tap_columns);
    const cpu::PhasePixels<T> pixels(dx, g, first_h, first_w, grid_h, grid_w);
    cpu::PackedProduct<T>(context, g.n * grid_h * grid_w, g.c, patches, filters, pixels, bias, false).run();
  }
};

}  // namespace nash
