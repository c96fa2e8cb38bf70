// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"

namespace nash::cpu {

/// How many of first, first + step, … lie below end.
inline index_t steps(index_t first, index_t end, index_t step) { return first >= end ? 0 : (end - first + step - 1) / step; }

/// What a filter of R×S taps sees of N×H×W×C images: for result (i, j) the window whose first pixel is
/// (i·stride_h + first_h, j·stride_w + first_w), which may reach beyond the image.
struct Windows {
  index_t n, h, w, c;              ///< the images
  index_t grid_h, grid_w;          ///< the results of one image
  index_t stride_h, stride_w, first_h, first_w;
  index_t r, s;                    ///< the window

  /// The windows of a convolution's results.
  static Windows of(const Conv2dGeometry& g) {
    return {.n = g.n, .h = g.h, .w = g.w, .c = g.c, .grid_h = g.p(), .grid_w = g.q(), .stride_h = g.stride_h, .stride_w = g.stride_w,
            .first_h = -g.padding_h, .first_w = -g.padding_w, .r = g.r, .s = g.s};
  }

  index_t results() const { return n * grid_h * grid_w; }
  index_t taps() const { return r * s * c; }
};

/// The rows of a tile as they go through one run of k, `begin`, begin + 1, …: row i starts at base[i] and has values in
/// [low[i], high[i]) of the run; elsewhere it is on the padding.
template <class T>
struct TileRun {
  index_t begin;
  index_t unit;      ///< validity changes at multiples of this
  index_t stride;    ///< from one k to the next in memory
  const T* base[max_tile_rows];
  index_t low[max_tile_rows], high[max_tile_rows];

  /// Lists the part of the run that lies in the slice: in one segment where all rows have values, in segments of a unit where
  /// only some do, and in none where none does. `zeros` stands in for a unit of padding.
  void add_to(SegmentList<T>& list, Slice slice, int rows, const T* zeros) const {
    index_t all_low = low[0], all_high = high[0], any_low = low[0], any_high = high[0];
    for (int i = 1; i < rows; ++i) {
      all_low = std::max(all_low, low[i]), all_high = std::min(all_high, high[i]);
      any_low = std::min(any_low, low[i]), any_high = std::max(any_high, high[i]);
    }
    if (any_low >= any_high) return;
    if (all_low >= all_high) all_low = all_high = any_high;
    for (index_t first = any_low; first < all_low; first += unit) add(list, slice, rows, zeros, first, first + unit);
    if (all_low < all_high) add(list, slice, rows, zeros, all_low, all_high);
    for (index_t first = all_high; first < any_high; first += unit) add(list, slice, rows, zeros, first, first + unit);
  }

 private:
  void add(SegmentList<T>& list, Slice slice, int rows, const T* zeros, index_t first, index_t last) const {
    const index_t from = std::max(first, slice.begin - begin), to = std::min(last, slice.end - begin);
    if (from >= to) return;
    Segment<T>& segment = list.add(begin + from - slice.begin, to - from);
    for (int i = 0; i < rows; ++i) segment.rows[i] = low[i] <= first && last <= high[i] ? base[i] + from * stride : zeros;
  }
};

/// Left operand: row m is the window of result m, k = (tap row, tap column, channel), read where it lies in the images.
///
/// Results are ordered by their place first and by their image last, so that the rows of a panel see the same border, and
/// taps on the padding cost nothing.
template <class T>
struct WindowRows final : LeftOperand<T> {
  /// `zeros` is a pixel of the padding.
  WindowRows(const T* images, const Windows& windows, const T* zeros) : images_(images), v_(windows), zeros_(zeros) {}

  index_t stride(int) const override { return 1; }
  index_t group() const override { return v_.n >= 4 * max_tile_rows ? v_.n : 0; }

  void panel(index_t m, index_t m_end, int rows, Slice slice, SegmentList<T>& list, T*) const override {
    const T* start[max_tile_rows];
    TileRun<T> run{.begin = 0, .unit = v_.c, .stride = 1, .base = {}, .low = {}, .high = {}};
    index_t top[max_tile_rows], low[max_tile_rows], high[max_tile_rows];
    index_t image = m % v_.n, place = m / v_.n;
    for (int i = 0; i < rows; ++i) {
      if (m + i >= m_end) {  // repeat the last row
        start[i] = start[i - 1], top[i] = top[i - 1], low[i] = low[i - 1], high[i] = high[i - 1];
        continue;
      }
      const index_t left = place % v_.grid_w * v_.stride_w + v_.first_w;
      top[i] = place / v_.grid_w * v_.stride_h + v_.first_h;
      start[i] = images_ + ((image * v_.h + top[i]) * v_.w + left) * v_.c;
      low[i] = std::max<index_t>(0, -left) * v_.c;
      high[i] = std::min(v_.s, v_.w - left) * v_.c;
      if (++image == v_.n) image = 0, ++place;
    }
    const index_t row_size = v_.s * v_.c;
    for (index_t r = slice.begin / row_size; r * row_size < slice.end; ++r) {  // the taps of a row are neighbours in memory
      run.begin = r * row_size;
      for (int i = 0; i < rows; ++i) {
        run.base[i] = start[i] + r * v_.w * v_.c;
        const bool inside = top[i] + r >= 0 && top[i] + r < v_.h;
        run.low[i] = inside ? low[i] : row_size;
        run.high[i] = inside ? high[i] : 0;
      }
      run.add_to(list, slice, rows, zeros_);
    }
  }

 private:
  const T* images_;
  Windows v_;
  const T* zeros_;
};

/// Left operand, the windows transposed: row m is a place (tap row, tap column, channel) within the window; k is a result, in
/// the order of memory. Read where it lies, a row of results at a time: for images that are wide.
template <class T>
struct WindowColumns final : LeftOperand<T> {
  WindowColumns(const T* images, const Windows& windows, const T* zeros) : images_(images), v_(windows), zeros_(zeros) {}

  index_t stride(int) const override { return v_.stride_w * v_.c; }

  void panel(index_t m, index_t m_end, int rows, Slice slice, SegmentList<T>& list, T*) const override {
    TileRun<T> run{.begin = 0, .unit = 1, .stride = stride(rows), .base = {}, .low = {}, .high = {}};
    index_t tap_row[max_tile_rows], offset[max_tile_rows], low[max_tile_rows], high[max_tile_rows];
    for (int i = 0; i < rows; ++i) {
      const index_t row = std::min(m + i, m_end - 1), column = row / v_.c % v_.s;
      const index_t first = v_.first_w + column;  // of the pixels that the tap meets along a row of results
      tap_row[i] = row / (v_.c * v_.s);
      offset[i] = (tap_row[i] * v_.w + first) * v_.c + row % v_.c;
      low[i] = first >= 0 ? 0 : (-first + v_.stride_w - 1) / v_.stride_w;
      high[i] = std::min(v_.grid_w, first < v_.w ? (v_.w - 1 - first) / v_.stride_w + 1 : 0);
    }
    for (index_t line = slice.begin / v_.grid_w; line * v_.grid_w < slice.end; ++line) {  // a row of results
      const index_t image = line / v_.grid_h, top = line % v_.grid_h * v_.stride_h + v_.first_h;
      const T* const base = images_ + (image * v_.h + top) * v_.w * v_.c;
      run.begin = line * v_.grid_w;
      for (int i = 0; i < rows; ++i) {
        const bool inside = top + tap_row[i] >= 0 && top + tap_row[i] < v_.h;
        run.base[i] = base + offset[i];
        run.low[i] = inside ? low[i] : v_.grid_w;
        run.high[i] = inside ? high[i] : 0;
      }
      run.add_to(list, slice, rows, zeros_);
    }
  }

 private:
  const T* images_;
  Windows v_;
  const T* zeros_;
};

/// The same, but the results ordered as in WindowRows, a place of all images at a time: for small images, whose rows are too
/// short. Gathered into the buffer, since the images of a batch lie far apart.
template <class T>
struct GatheredWindowColumns final : LeftOperand<T> {
  GatheredWindowColumns(const T* images, const Windows& windows) : images_(images), v_(windows) {}

  index_t stride(int rows) const override { return rows; }

  void panel(index_t m, index_t m_end, int rows, Slice slice, SegmentList<T>& list, T* buffer) const override {
    index_t tap_row[max_tile_rows], tap_column[max_tile_rows], offset[max_tile_rows];
    for (index_t i = 0; i < m_end - m; ++i) {
      tap_row[i] = (m + i) / (v_.c * v_.s);
      tap_column[i] = (m + i) / v_.c % v_.s;
      offset[i] = (tap_row[i] * v_.w + tap_column[i]) * v_.c + (m + i) % v_.c;
    }
    const bool one_tap = m_end - m == rows && m / v_.c == (m_end - 1) / v_.c;  // the usual case: neighbours in memory
    for (index_t k = slice.begin; k < slice.end;) {
      const index_t place = k / v_.n, image = k % v_.n, count = std::min(v_.n - image, slice.end - k);
      const index_t top = place / v_.grid_w * v_.stride_h + v_.first_h, left = place % v_.grid_w * v_.stride_w + v_.first_w;
      const T* const corner = images_ + ((image * v_.h + top) * v_.w + left) * v_.c;
      T* const to = buffer + (k - slice.begin) * rows;
      bool any = false;
      for (int i = 0; i < rows; ++i) {
        const bool inside = m + i < m_end && top + tap_row[i] >= 0 && top + tap_row[i] < v_.h && left + tap_column[i] >= 0 &&
                            left + tap_column[i] < v_.w;
        any = any || inside;
        if (one_tap) {
          if (inside) gather(corner + offset[0], count, rows, to);
          break;
        }
        for (index_t n = 0; n < count; ++n) to[n * rows + i] = inside ? corner[offset[i] + n * v_.h * v_.w * v_.c] : T{0};
      }
      if (any) {
        Segment<T>& segment = list.add(k - slice.begin, count);
        for (int i = 0; i < rows; ++i) segment.rows[i] = to + i;
      }
      k += count;
    }
  }

 private:
  void gather(const T* from, index_t count, int rows, T* to) const {
    const index_t step = v_.h * v_.w * v_.c;
    if (rows == 8)
      for (index_t n = 0; n < count; ++n, from += step, to += 8) std::memcpy(to, from, 8 * sizeof(T));
    else if (rows == 6)
      for (index_t n = 0; n < count; ++n, from += step, to += 6) std::memcpy(to, from, 6 * sizeof(T));
    else
      for (index_t n = 0; n < count; ++n, from += step, to += rows) std::copy_n(from, rows, to);
  }

  const T* images_;
  Windows v_;
};

/// Right operand: a value of each output channel for each result, ordered as in WindowRows.
template <class T>
struct ResultRows final : RightOperand<T> {
  ResultRows(const T* results, const Conv2dGeometry& g) : results_(results), n_(g.n), places_(g.p() * g.q()), o_(g.o) {}

  void pack(Slice slice, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, o_ - n);
    for (index_t k = slice.begin; k < slice.end; ++k, to += width)
      pack_row(results_ + (k % n_ * places_ + k / n_) * o_ + n, columns, width, to);
  }
  const T* source(FilterStore::Form&) const override { return results_; }

 private:
  const T* results_;
  index_t n_, places_, o_;
};

/// Right operand: the filters, O×R×S×C, for products over the output channels, as they meet one phase of backward_data:
/// k = (tap row, tap column, filter) with the taps backwards, columns are the image's channels.
template <class T>
struct PhaseFilters final : RightOperand<T> {
  /// Of the taps first, first + stride, … in both directions, taps_h × taps_w of them.
  PhaseFilters(const T* filters, const Conv2dGeometry& g, index_t first_h, index_t first_w, index_t taps_h, index_t taps_w)
      : filters_(filters), g_(g), first_h_(first_h), first_w_(first_w), taps_h_(taps_h), taps_w_(taps_w) {}

  void pack(Slice slice, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, g_.c - n);
    for (index_t k = slice.begin; k < slice.end;) {
      const index_t tap = k / g_.o, filter = k % g_.o, run = std::min(g_.o - filter, slice.end - k);
      const index_t row = first_h_ + g_.stride_h * (taps_h_ - 1 - tap / taps_w_);
      const index_t column = first_w_ + g_.stride_w * (taps_w_ - 1 - tap % taps_w_);
      const T* from = filters_ + ((filter * g_.r + row) * g_.s + column) * g_.c + n;
      constexpr index_t ahead = 16, line = 64 / sizeof(T);  // rows lie in pages of their own: no hardware looks ahead so far
      const index_t step = g_.r * g_.s * g_.c;
      for (index_t i = 0; i < run; ++i, from += step, to += width) {
        for (index_t j = 0; j < columns; j += line) __builtin_prefetch(from + ahead * step + j, 0, 2);
        pack_row(from, columns, width, to);
      }
      k += run;
    }
  }
  const T* source(FilterStore::Form& form) const override {
    const index_t terms[] = {g_.o, g_.r, g_.s, g_.c, g_.stride_h, g_.stride_w, first_h_, first_w_, taps_h_, taps_w_};
    std::copy(std::begin(terms), std::end(terms), form.begin() + 4);
    return filters_;
  }

 private:
  const T* filters_;
  Conv2dGeometry g_;
  index_t first_h_, first_w_, taps_h_, taps_w_;
};

/// Pixels (first + step·i, first + step·j) of a batch of images, in the order of WindowRows: place first, image last.
template <class T>
struct GridPixels final : ProductOutput<T> {
  struct Images {
    index_t n, h, w, c;
  };
  GridPixels(T* pixels, const Images& images, index_t grid_w, index_t first_h, index_t first_w, index_t step_h, index_t step_w)
      : pixels_(pixels), images_(images), grid_w_(grid_w), first_h_(first_h), first_w_(first_w), step_h_(step_h), step_w_(step_w) {}
  /// All the results of a convolution.
  GridPixels(T* results, const Conv2dGeometry& g) : GridPixels(results, {g.n, g.p(), g.q(), g.o}, g.q(), 0, 0, 1, 1) {}

  void rows(index_t m, index_t count, T** pointers) const override {
    const auto& [n, h, w, c] = images_;
    index_t image = m % n, place = m / n;
    for (index_t i = 0; i < count;) {
      const index_t row = first_h_ + place / grid_w_ * step_h_, column = first_w_ + place % grid_w_ * step_w_;
      T* pixel = pixels_ + ((image * h + row) * w + column) * c;
      for (; i < count && image < n; ++i, ++image, pixel += h * w * c) pointers[i] = pixel;
      image = 0, ++place;
    }
  }

 private:
  T* pixels_;
  Images images_;
  index_t grid_w_, first_h_, first_w_, step_h_, step_w_;
};

}  // namespace nash::cpu
