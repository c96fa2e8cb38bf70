// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/given_pixels.hpp"
#include "nash/kernels/cpu/line_tiles.hpp"
#include "nash/kernels/cpu/padded_rows.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"
#include "nash/kernels/cpu/window_strips.hpp"

namespace nash::cpu {

/// Convolutions of images with few channels, which would leave most of a vector empty as columns of C. Some lines of results at a time, so that
/// all that belongs to them lies in a near cache, by the micro-kernels of products:
///
///     forward           y[results × O] = windows · filters
///     backward_data     given[results × taps] = dy · filters, of which each pixel then adds up what it was given (GivenPixels)
///     backward_weights  dw[taps × O] = Σ over lines of results of windowsᵀ · dy
///
/// Forward reads windows from WindowStrips, backward_weights what each tap sees from PaddedRows; dy is read where it lies. Forward is done on tile
/// registers where they suit; the others would have to split all of dy, which takes as long as to multiply it.
template <class T>
class ThinConvolution {
 public:
  /// Whether the channels are few, and a line is not so long, nor a window so large, that they leave the near caches.
  static bool suits(const Conv2dGeometry& g) { return is_thin(g) && g.r * g.s * g.c <= WindowStrips<T>::most_taps && g.q() <= long_line; }
  /// Whether backward_data does not multiply with many more taps than there are, as it would where strides are larger than filters.
  static bool suits_backward_data(const Conv2dGeometry& g) {
    const index_t taps = round_up(g.r, g.stride_h) * round_up(g.s, g.stride_w) * g.c;
    return is_thin(g) && taps <= std::max<index_t>(64, 2 * g.r * g.s * g.c);
  }

  ThinConvolution(Context<Cpu>& context, const Conv2dGeometry& g)
      : context_(context), g_(g), kernels_(tile_kernels<T>(context.instruction_set())), taps_(g.r * g.s * g.c), columns_(round_up(g.o, kernels_.lanes)), p_(g.p()), q_(g.q()) {}

  NASH_COLD void forward(const T* x, const T* w, T* y, const T* bias, const Epilogue<T>& epilogue) {
    const auto filters = context_.template scratch<T>(taps_ * columns_), starts = context_.template scratch<T>(columns_);
    pack_filters(w, filters.data());
    for (index_t o = 0; o < columns_; ++o) starts.data()[o] = bias != nullptr && o < g_.o ? bias[o] : T{0};
    if constexpr (std::is_same_v<T, float>)
      if (tiles_suit()) return forward_on_tiles(x, filters.data(), starts.data(), y, epilogue);
    const Bands bands(g_, near_results);
    const ThreadMemory<T> memory(context_, WindowStrips<T>::memory_size(g_, bands.lines));
#pragma omp parallel num_threads(context_.threads())
    {
      WindowStrips<T> strips(g_, memory.own());
#pragma omp for schedule(static)
      for (index_t task = 0; task < bands.tasks(); ++task) {
        const Band band = bands.of(task);
        strips.load(x + band.image * image_size(), band.first, band.lines);
        multiply_windows(strips, band.lines * q_, filters.data(), starts.data(), y + (band.image * p_ + band.first) * q_ * g_.o, epilogue);
      }
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
          if (line >= 0 && line < p_) multiply_gradients(dy + (image * p_ + line) * q_ * g_.o, filters.data(), pixels.width(), pixels.given_by(own, line));
          if (line >= first) pixels.add_up(own, line, starts.data(), dx + image * image_size(), epilogue);
        }
      }
    }
  }

  NASH_COLD void backward_weights(const T* x, const T* dy, T* dw, bool accumulate) {
    const index_t wanted_parts = std::clamp<index_t>(g_.n * p_ * q_ / part_results, 1, most_parts);
    const Bands bands(g_, std::min(near_results, most_lines * q_), wanted_parts);
    const index_t parts = std::min(bands.tasks(), wanted_parts), part_size = taps_ * columns_, sums_size = round_up(taps_, kernels_.rows) * columns_;
    const index_t padded_size = columns_ > g_.o ? bands.lines * q_ * columns_ : 0;
    const auto partial = context_.template scratch<T>(parts * part_size);
    const ThreadMemory<T> memory(context_, sums_size + padded_size + PaddedRows<T>::memory_size(g_, bands.lines));
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t part = 0; part < parts; ++part) {
      T *const sums = memory.own(), *const padded = sums + sums_size;
      PaddedRows<T> rows(g_, padded + padded_size, bands.lines);
      std::fill_n(sums, sums_size, T{0});
      for (index_t task = part * bands.tasks() / parts; task < (part + 1) * bands.tasks() / parts; ++task) {
        const Band band = bands.of(task);
        const T* const gradients = dy + (band.image * p_ + band.first) * q_ * g_.o;
        rows.load(x + band.image * image_size(), band.first, band.lines);
        for (index_t i = 0; padded_size > 0 && i < band.lines * q_; ++i) pack_row(gradients + i * g_.o, g_.o, columns_, padded + i * columns_);
        if (padded_size > 0)
          add_products(rows, band.lines, padded, sums, nullptr);
        else
          add_products(rows, band.lines, gradients, sums, gradients + band.lines * q_ * columns_);
      }
      std::copy_n(sums, part_size, partial.data() + part * part_size);
    }
#pragma omp parallel for schedule(static) num_threads(context_.threads()) if (parts * part_size > 1 << 14)
    for (index_t tap = 0; tap < taps_; ++tap) {
      T *const sums = partial.data() + tap * columns_, *const to = dw + tap;
      for (index_t part = 1; part < parts; ++part) add(sums + part * part_size, columns_, sums);
      for (index_t o = 0; o < g_.o; ++o) to[o * taps_] = accumulate ? to[o * taps_] + sums[o] : sums[o];
    }
  }

  /// Whether forward is done on tile registers.
  bool tiles_suit() const { return std::is_same_v<T, float> && tiles().suits(context_) && g_.n * p_ * q_ >= least_results; }

 private:
  static constexpr index_t long_line = 1 << 10;       // results
  static constexpr index_t near_results = 128;        // whose gradients stay in the first cache, where there are 64 filters
  static constexpr index_t most_lines = 16;           // of which backward_weights reads what a tap sees in one go
  static constexpr index_t results_of_tiles = 1024;   // a line at a time is near, and the first of a band costs more
  static constexpr index_t least_results = 512;       // for which it pays to split the filters
  static constexpr index_t wanted_tasks = 8;          // so many, that a handful of threads find work
  static constexpr index_t part_results = 256;        // whose share of the weights' gradients is worth to be added up
  static constexpr index_t most_parts = 16;

  /// Some lines of the results of one image.
  struct Band {
    index_t image, first, lines;
  };
  /// How the results are cut into bands, of so many results each at most, if a line has no more, and so many tasks at least, if there are lines.
  struct Bands {
    Bands(const Conv2dGeometry& g, index_t results, index_t least_tasks = wanted_tasks) : images(g.n), all_lines(g.p()), lines(std::clamp<index_t>(results / g.q(), 1, g.p())) {
      while (lines > 1 && images * divide_up(all_lines, lines) < least_tasks) lines = divide_up(lines, 2);
      count = divide_up(all_lines, lines);
      lines = divide_up(all_lines, count);  // of equal size, but for the last
    }

    index_t images, all_lines, lines, count = 1;

    index_t tasks() const { return images * count; }
    Band of(index_t task) const {
      const index_t first = task % count * lines;
      return {task / count, first, std::min(lines, all_lines - first)};
    }
  };

  static bool is_thin(const Conv2dGeometry& g) { return g.c <= WindowStrips<T>::most_channels && g.o > 0 && g.r * g.s * g.c > 0; }
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

  LineTiles tiles() const { return {q_, taps_, g_.o}; }

  NASH_COLD void forward_on_tiles(const T* x, const T* filters, const T* starts, T* y, const Epilogue<T>& epilogue) {
    const Bands bands(g_, results_of_tiles);
    const index_t words = round_up(WindowStrips<T>::line_size(g_), split::tile_edge);  // whole vectors are split
    const auto packed = context_.template scratch<split::Word>(tiles().packed_size(g_.o));
    const ThreadMemory<split::Word> windows(context_, 2 * words);
    const ThreadMemory<T> memory(context_, WindowStrips<T>::memory_size(g_, 1));
    tiles().pack(filters, packed.data());
#pragma omp parallel num_threads(context_.threads())
    {
      const LineTiles tiles = this->tiles();
      const split::TileRegisters registers = tiles.registers();
      WindowStrips<T> strips(g_, memory.own());
      split::Word *const middle = windows.own(), *const low = middle + words;
      const split::WordRows rows{middle, low, strips.step() * index_t{sizeof(split::Word)}};
#pragma omp for schedule(static)
      for (index_t task = 0; task < bands.tasks(); ++task) {
        const Band band = bands.of(task);
        const T* const image = x + band.image * image_size();
        for (index_t o = 0, count; o < g_.o; o += count) {
          count = tiles.columns_from(o);
          // The next line is gathered while this one is multiplied; what was written just now in other pieces than it is read in must be in the cache first.
          strips.load(image, band.first, 1);
          for (index_t line = 0; line < band.lines; ++line) {
            T* const results = y + (band.image * p_ + band.first + line) * q_ * g_.o;
            split::split_words(strips.line(0), words, middle, low);
            if (line + 1 < band.lines) strips.load(image, band.first + line + 1, 1);
            tiles.multiply(rows, packed.data() + tiles.packed_size(o), count, starts + o, results + o, g_.o);
            if (o + count == g_.o) epilogue.apply(results, q_ * g_.o);
          }
        }
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
        if (i < rows && ++column == q_) column = 0, ++line;
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

  /// sums[taps × O] += windowsᵀ · gradients. Meanwhile as many values of `ahead` are fetched, if it is not null.
  NASH_NOINLINE void add_products(const PaddedRows<T>& rows, index_t lines, const T* gradients, T* sums, const T* ahead) const {
    Segment<T> segments[most_lines];
    T* c[max_tile_rows];
    const index_t tiles = divide_up(taps_, kernels_.rows) * divide_up(columns_, kernels_.lanes * kernels_.vectors), fetched = lines * (q_ / 4 * 4);
    const index_t ahead_step = ahead != nullptr && fetched > 0 ? round_up(divide_up(lines * q_ * columns_, tiles * fetched), 4) : 0;
    for (index_t tap = 0; tap < taps_; tap += kernels_.rows) {
      for (index_t i = 0; i < kernels_.rows; ++i) {
        const index_t offset = rows.offset(std::min(tap + i, taps_ - 1));  // beyond the last tap: sums that nobody reads
        for (index_t line = 0; line < lines; ++line) segments[line].rows[i] = rows.line(line) + offset;
      }
      for (index_t line = 0; line < lines; ++line) segments[line].begin = line * q_, segments[line].count = q_;
      for (index_t n = 0; n < columns_;) {
        const int vectors = kernels_.next_width((columns_ - n) / kernels_.lanes);
        for (index_t i = 0; i < kernels_.rows; ++i) c[i] = sums + (tap + i) * columns_ + n;
        kernels_.multiply[vectors - 1]({segments, static_cast<int>(lines), rows.step(), gradients + n, columns_, c, nullptr, true, ahead, ahead_step});
        ahead += fetched * ahead_step;
        n += vectors * kernels_.lanes;
      }
    }
  }

  /// sums[i] += terms[i], for whole vectors.
  NASH_NOINLINE static void add(const T* terms, index_t count, T* sums) {
    using Vector = typename VectorOf<T, 16>::type;
    for (const T* const end = terms + count; terms < end; terms += 16 / sizeof(T), sums += 16 / sizeof(T)) {
      Vector term, sum;
      std::memcpy(&term, terms, sizeof term), std::memcpy(&sum, sums, sizeof sum);
      sum += term;
      std::memcpy(sums, &sum, sizeof sum);
    }
  }

  /// given := gradients · filters, for a line of results.
  NASH_NOINLINE void multiply_gradients(const T* gradients, const T* filters, index_t width, T* given) const {
    Segment<T> gradient{.begin = 0, .count = g_.o, .rows = {}};
    alignas(64) T beyond[TileKernels<T>::max_columns];
    T* c[max_tile_rows];
    for (index_t m = 0; m < q_; m += kernels_.rows) {
      for (index_t i = 0; i < kernels_.rows; ++i) gradient.rows[i] = gradients + std::min(m + i, q_ - 1) * g_.o;
      for (index_t n = 0; n < width;) {
        const int vectors = kernels_.next_width((width - n) / kernels_.lanes);
        for (index_t i = 0; i < kernels_.rows; ++i) c[i] = m + i < q_ ? given + (m + i) * width + n : beyond;
        kernels_.multiply[vectors - 1]({&gradient, 1, 1, filters + n, width, c, nullptr, false, n == 0 ? gradients + (m + 2 * kernels_.rows) * g_.o : nullptr, n == 0 ? kernels_.rows : 0});
        n += vectors * kernels_.lanes;
      }
    }
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  TileKernels<T> kernels_;
  index_t taps_, columns_;  // of a window; of the filters, in whole vectors
  index_t p_, q_;           // of the results: not to be divided out again and again
};

}  // namespace nash::cpu
