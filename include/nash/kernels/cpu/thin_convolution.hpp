// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/given_pixels.hpp"
#include "nash/kernels/cpu/thin_tiles.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"

namespace nash::cpu {

/// Convolutions of images with few channels, which would leave most of a vector empty as columns of C. Some lines of results at a time, so that
/// all that belongs to them lies in a near cache, by the micro-kernels of products:
///
///     forward           y[results × O] = windows · filters
///     backward_data     given[results × taps] = dy · filters, of which each pixel then adds up what it was given
///     backward_weights  dw[taps × O] = Σ over lines of results of windowsᵀ · dy
///
/// Windows are read from WindowStrips, dy where it lies. Forward is done on tile registers where they suit.
template <class T>
class ThinConvolution {
 public:
  static bool suits(const Conv2dGeometry& g) { return g.c <= WindowStrips<T>::most_channels && g.r * g.s * g.c <= most_taps; }

  ThinConvolution(Context<Cpu>& context, const Conv2dGeometry& g)
      : context_(context), g_(g), kernels_(tile_kernels<T>(context.instruction_set())), taps_(g.r * g.s * g.c), columns_(round_up(g.o, kernels_.lanes)) {}

  NASH_COLD void forward(const T* x, const T* w, T* y, const T* bias, const Epilogue<T>& epilogue) {
    const auto filters = context_.template scratch<T>(taps_ * columns_), starts = context_.template scratch<T>(columns_);
    pack_filters(w, filters.data());
    for (index_t o = 0; o < columns_; ++o) starts.data()[o] = bias != nullptr && o < g_.o ? bias[o] : T{0};
    if constexpr (std::is_same_v<T, float>)
      if (ThinTiles::suits(context_, g_)) return forward_on_tiles(x, filters.data(), starts.data(), y, epilogue);
    const Bands bands(g_, near_results);
    const ThreadMemory<T> memory(context_, WindowStrips<T>::size(g_, bands.lines));
#pragma omp parallel for schedule(static) num_threads(context_.threads())
    for (index_t task = 0; task < bands.tasks(); ++task) {
      const Band band = bands.of(task);
      WindowStrips<T> strips(g_, memory.own());
      strips.load(x + band.image * image_size(), band.first, band.lines);
      multiply_windows(strips, band.lines * g_.q(), filters.data(), starts.data(), y + band.first_result(g_) * g_.o, epilogue);
    }
  }

  NASH_COLD void backward_data(const T* dy, const T* w, T* dx, const T* bias, const Epilogue<T>& epilogue) {
    const GivenPixels<T> pixels(g_, kernels_.lanes);
    const auto filters = context_.template scratch<T>(g_.o * pixels.width()), starts = context_.template scratch<T>(pixels.starts_size());
    pixels.pack_filters(w, filters.data());
    pixels.fill_starts(bias, starts.data());
    index_t lines = pixels.lines();
    while (lines > 2 * pixels.across_h() && g_.n * divide_up(pixels.lines(), lines) < wanted_tasks) lines = divide_up(lines, 2);
    const index_t bands = divide_up(pixels.lines(), lines), size = pixels.memory_size();
    const ThreadMemory<T> memory(context_, size);
#pragma omp parallel num_threads(context_.threads())
    {
      T* const own = memory.own();
      std::fill_n(own, size, T{0});
#pragma omp for schedule(static)
      for (index_t task = 0; task < g_.n * bands; ++task) {
        const index_t image = task / bands, first = task % bands * lines, last = std::min(pixels.lines(), first + lines);
        for (index_t line = first - pixels.across_h() + 1; line < last; ++line) {
          if (line >= 0 && line < g_.p())
            multiply_gradients(dy + (image * g_.p() + line) * g_.q() * g_.o, filters.data(), pixels.width(), pixels.given_by(own, line));
          if (line >= first) pixels.add_up(own, line, starts.data(), dx + image * image_size(), epilogue);
        }
      }
    }
  }

  NASH_COLD void backward_weights(const T* x, const T* dy, T* dw, bool accumulate) {
    const Bands bands(g_, near_results);
    const index_t parts = std::min(bands.tasks(), wanted_parts), part_size = taps_ * columns_, sums_size = round_up(taps_, kernels_.rows) * columns_;
    const index_t padded_size = columns_ > g_.o ? bands.lines * g_.q() * columns_ : 0;
    const auto partial = context_.template scratch<T>(parts * part_size);
    const ThreadMemory<T> memory(context_, sums_size + padded_size + WindowStrips<T>::size(g_, bands.lines));
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t part = 0; part < parts; ++part) {
      T *const sums = memory.own(), *const padded = sums + sums_size;
      WindowStrips<T> strips(g_, padded + padded_size);
      std::fill_n(sums, sums_size, T{0});
      for (index_t task = part * bands.tasks() / parts; task < (part + 1) * bands.tasks() / parts; ++task) {
        const Band band = bands.of(task);
        const T* const gradients = dy + band.first_result(g_) * g_.o;
        strips.load(x + band.image * image_size(), band.first, band.lines);
        for (index_t i = 0; padded_size > 0 && i < band.lines * g_.q(); ++i) pack_row(gradients + i * g_.o, g_.o, columns_, padded + i * columns_);
        add_products(strips, band.lines, padded_size > 0 ? padded : gradients, sums);
      }
      std::copy_n(sums, part_size, partial.data() + part * part_size);
    }
#pragma omp parallel for schedule(static) num_threads(context_.threads()) if (part_size > 1 << 12)
    for (index_t o = 0; o < g_.o; ++o)
      for (index_t tap = 0; tap < taps_; ++tap) {
        T total{0};
        for (index_t part = 0; part < parts; ++part) total += partial.data()[part * part_size + tap * columns_ + o];
        T& to = dw[place_of(tap) + o * taps_];
        to = accumulate ? to + total : total;
      }
  }

 private:
  static constexpr index_t most_taps = 1 << 10;
  static constexpr index_t near_results = 128;        // whose gradients stay in the first cache, where filters are 64
  static constexpr index_t results_of_tiles = 1024;   // a line at a time is near, and the first of a band costs more
  static constexpr index_t wanted_tasks = 8;          // so many, that a handful of threads find work
  static constexpr index_t wanted_parts = 16;

  /// Some lines of the results of one image.
  struct Band {
    index_t image, first, lines;

    index_t first_result(const Conv2dGeometry& g) const { return (image * g.p() + first) * g.q(); }
  };
  /// How the results are cut into bands, of about so many results each.
  struct Bands {
    Bands(const Conv2dGeometry& g, index_t results) : images(g.n), all_lines(g.p()), lines(std::clamp<index_t>(results / g.q(), 1, g.p())) {
      while (lines > 1 && images * divide_up(all_lines, lines) < wanted_tasks) lines = divide_up(lines, 2);
      count = divide_up(all_lines, lines);
      lines = divide_up(all_lines, count);  // of equal size
    }

    index_t images, all_lines, lines, count = 1;

    index_t tasks() const { return images * count; }
    Band of(index_t task) const {
      const index_t first = std::min(all_lines, task % count * lines);
      return {task / count, first, std::min(lines, all_lines - first)};
    }
  };

  index_t image_size() const { return g_.h * g_.w * g_.c; }

  /// Where a tap, in the order (column, row, channel) of windows, lies in a filter.
  index_t place_of(index_t tap) const { return ((tap / g_.c % g_.r) * g_.s + tap / (g_.c * g_.r)) * g_.c + tap % g_.c; }

  /// to[tap][o] := w[o][place of the tap]
  void pack_filters(const T* w, T* to) const {
    for (index_t tap = 0; tap < taps_; ++tap, to += columns_) {
      const T* const from = w + place_of(tap);
      for (index_t o = 0; o < g_.o; ++o) to[o] = from[o * taps_];
      std::fill(to + g_.o, to + columns_, T{0});
    }
  }

  NASH_COLD void forward_on_tiles(const T* x, const T* filters, const T* starts, T* y, const Epilogue<T>& epilogue) {
    const Bands bands(g_, results_of_tiles);
    const ThinTiles tiles(g_);
    const auto words = context_.template scratch<split::Word>(tiles.filters_size());
    const ThreadMemory<split::Word> windows(context_, tiles.windows_size());
    const ThreadMemory<T> memory(context_, WindowStrips<T>::size(g_, 1));
    tiles.split_filters(filters, words.data());
#pragma omp parallel num_threads(context_.threads())
    {
      const ThinTiles own_tiles(g_);  // near its thread
      const split::TileRegisters registers = own_tiles.registers();
      WindowStrips<T> strips(g_, memory.own());
#pragma omp for schedule(static)
      for (index_t task = 0; task < bands.tasks(); ++task) {
        const Band band = bands.of(task);
        own_tiles.multiply_windows(strips, x + band.image * image_size(), band.first, band.lines, words.data(), starts, y + band.first_result(g_) * g_.o, epilogue,
                                   windows.own());
      }
    }
  }

  /// y := windows · filters + starts
  NASH_NOINLINE void multiply_windows(const WindowStrips<T>& strips, index_t results, const T* filters, const T* starts, T* y, const Epilogue<T>& epilogue) const {
    alignas(64) T edge[max_tile_rows * TileKernels<T>::max_columns];
    Segment<T> window{.begin = 0, .count = taps_, .rows = {}};
    T *to[max_tile_rows], *c[max_tile_rows];
    index_t line = 0, column = 0;
    for (index_t m = 0; m < results; m += kernels_.rows) {
      const index_t rows = std::min<index_t>(kernels_.rows, results - m);
      for (index_t i = 0; i < kernels_.rows; ++i) {
        to[i] = y + std::min(m + i, results - 1) * g_.o;
        window.rows[i] = i < rows ? strips.line(line) + column * strips.step() : window.rows[i - 1];
        if (i < rows && ++column == g_.q()) column = 0, ++line;
      }
      for (index_t n = 0; n < columns_;) {
        const int vectors = kernels_.next_width((columns_ - n) / kernels_.lanes);
        const index_t width = vectors * kernels_.lanes;
        const bool whole = n + width <= g_.o;
        for (index_t i = 0; i < kernels_.rows; ++i) c[i] = whole ? to[i] + n : edge + i * TileKernels<T>::max_columns;
        kernels_.multiply[vectors - 1]({&window, 1, 1, filters + n, columns_, c, starts + n, false, nullptr, 0, whole ? kernels_.rows * g_.o : -1});
        if (!whole)
          for (index_t i = 0; i < rows; ++i) std::copy_n(c[i], g_.o - n, to[i] + n);
        n += width;
      }
      epilogue.apply(to[0], rows * g_.o);
    }
  }

  /// sums[taps × O] += windowsᵀ · gradients
  NASH_NOINLINE void add_products(const WindowStrips<T>& strips, index_t lines, const T* gradients, T* sums) const {
    Segment<T> segments[near_results];
    T *rows[max_tile_rows], *c[max_tile_rows];
    for (index_t tap = 0; tap < taps_; tap += kernels_.rows) {
      for (index_t i = 0; i < kernels_.rows; ++i) rows[i] = sums + (tap + i) * columns_;
      for (index_t line = 0; line < lines; ++line) {
        segments[line].begin = line * g_.q(), segments[line].count = g_.q();
        for (index_t i = 0; i < kernels_.rows; ++i) segments[line].rows[i] = strips.line(line) + std::min(tap + i, taps_ - 1);
      }
      for (index_t n = 0; n < columns_;) {
        const int vectors = kernels_.next_width((columns_ - n) / kernels_.lanes);
        for (index_t i = 0; i < kernels_.rows; ++i) c[i] = rows[i] + n;
        kernels_.multiply[vectors - 1]({segments, static_cast<int>(lines), strips.step(), gradients + n, columns_, c, nullptr, true});
        n += vectors * kernels_.lanes;
      }
    }
  }

  /// given := gradients · filters, for a line of results.
  NASH_NOINLINE void multiply_gradients(const T* gradients, const T* filters, index_t width, T* given) const {
    Segment<T> gradient{.begin = 0, .count = g_.o, .rows = {}};
    alignas(64) T beyond[TileKernels<T>::max_columns];
    T* c[max_tile_rows];
    const T* ahead = gradients + 2 * kernels_.rows * g_.o;
    for (index_t m = 0; m < g_.q(); m += kernels_.rows) {
      for (const T* const end = ahead + kernels_.rows * g_.o; ahead < end; ahead += 64 / sizeof(T)) __builtin_prefetch(ahead, 0, 3);
      for (index_t i = 0; i < kernels_.rows; ++i) gradient.rows[i] = gradients + std::min(m + i, g_.q() - 1) * g_.o;
      for (index_t n = 0; n < width;) {
        const int vectors = kernels_.next_width((width - n) / kernels_.lanes);
        for (index_t i = 0; i < kernels_.rows; ++i) c[i] = m + i < g_.q() ? given + (m + i) * width + n : beyond;
        kernels_.multiply[vectors - 1]({&gradient, 1, 1, filters + n, width, c, nullptr, false});
        n += vectors * kernels_.lanes;
      }
    }
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  TileKernels<T> kernels_;
  index_t taps_, columns_;  // of a window; of the filters, in whole vectors
};

}  // namespace nash::cpu
