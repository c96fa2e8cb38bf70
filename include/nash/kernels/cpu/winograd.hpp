// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/minimal_filtering.hpp"

namespace nash::cpu {

/// How a row of results is cut into tiles: fours first, then threes; the last may reach beyond the end.
struct Tiling {
  index_t fours = 0, threes = 0;

  /// The cut of `results` that takes the fewest multiplications, r + 3 for a four and r + 2 for a three.
  static Tiling of(index_t results) {
    Tiling best{(results + 3) / 4, 0};
    for (index_t threes = 1; threes <= 3; ++threes) {
      const Tiling other{std::max<index_t>(0, (results - 3 * threes + 3) / 4), threes};
      if (other.multiplications() < best.multiplications()) best = other;
    }
    return best;
  }
  index_t multiplications() const { return 5 * fours + 4 * threes; }
  index_t count() const { return fours + threes; }
  /// Of the tiles that have values at this position: only fours have the last one.
  index_t count_at(index_t position) const { return position == 4 ? fours : count(); }
  bool is_four(index_t tile) const { return tile < fours; }
  index_t begin(index_t tile) const { return 4 * std::min(tile, fours) + 3 * std::max<index_t>(0, tile - fours); }
};

/// Convolutions of filters with 2·stride taps by minimal filtering: F(4, 2) and F(3, 2) in both directions, for each phase of
/// the pixels within the stride. See docs/kernels.md.
///
/// With g the filters, d the images and y the results of one tile, and ⊙ a product of matrices at each of 5×5 positions,
///
///     forward           y = Aᵀ·(U ⊙ V)·A           U = G·g·Gᵀ [O × phases·C],  V = Bᵀ·d·B [tiles × phases·C]
///     backward_data     d̄ = B·(Uᵀ ⊙ Ȳ)·Bᵀ          Ȳ = A·ȳ·Aᵀ [tiles × O]
///     backward_weights  ḡ = Gᵀ·(Ȳᵀ ⊙ V)·G
///
/// so that six linear maps, three and their adjoints, and one product of matrices make all three directions.
template <class T>
class Winograd {
 public:
  /// Whether it can be done, and takes clearly fewer multiplications than taps that are not on the padding.
  static bool suits(const Context<Cpu>& context, const Conv2dGeometry& g) {
    constexpr double worth = 0.75;       // what is saved must pay for the maps
    constexpr index_t enough_rows = 64;  // tiles, beside which mapping the filters costs little
    if (context.instruction_set() == InstructionSet::baseline || g.r != 2 * g.stride_h || g.s != 2 * g.stride_w) return false;
    if (g.c % channel_step != 0 || g.o % channel_step != 0) return false;
    const Tiling down = Tiling::of(g.p()), across = Tiling::of(g.q());
    if (down.fours == 0 || across.fours == 0 || g.n * down.count() * across.count() < enough_rows) return false;
    const index_t taps_h = taps_inside(g.h, g.r, g.stride_h, g.padding_h, g.p()), taps_w = taps_inside(g.w, g.s, g.stride_w, g.padding_w, g.q());
    const index_t phases = g.stride_h * g.stride_w;
    return static_cast<double>(phases * down.multiplications() * across.multiplications()) < worth * static_cast<double>(taps_h * taps_w);
  }

  Winograd(Context<Cpu>& context, const Conv2dGeometry& g)
      : context_(context), g_(g), down_(Tiling::of(g.p())), across_(Tiling::of(g.q())), phases_(g.stride_h * g.stride_w), depth_(phases_ * g.c),
        kernels_(tile_kernels<T>(context.instruction_set())), four_(FilteringMaps<T>::template of<4, 2>(context.instruction_set())),
        three_(FilteringMaps<T>::template of<3, 2>(context.instruction_set())) {
    images_ = std::clamp<index_t>(max_values / (25 * down_.count() * across_.count() * (depth_ + g.o)), 1, g.n);
    index_t rows = 0;
    for (int position = 0; position < positions; ++position) {
      first_row_[position] = rows;
      rows += images_ * tiles_at(position);
    }
    rows_ = rows;
  }

  void forward(const T* x, const T* w, T* y, const T* bias) {
    const auto packed = context_.template scratch<T>(positions * depth_ * g_.o);
    const auto inputs = context_.template scratch<T>(size(depth_)), results = context_.template scratch<T>(size(g_.o));
    map_filters(w, packed.data(), true);
    for_chunks([&](index_t first, index_t count) {
      map_inputs(x, first, count, inputs.data());
      multiply(count, inputs.data(), depth_, packed.data(), g_.o, results.data());
      collect_results(results.data(), first, count, bias, y);
    });
  }

  void backward_data(const T* dy, const T* w, T* dx, const T* bias) {
    const auto packed = context_.template scratch<T>(positions * depth_ * g_.o);
    const auto inputs = context_.template scratch<T>(size(depth_)), results = context_.template scratch<T>(size(g_.o));
    map_filters(w, packed.data(), false);
    for_chunks([&](index_t first, index_t count) {
      map_results(dy, first, count, results.data());
      multiply(count, results.data(), g_.o, packed.data(), depth_, inputs.data());
      collect_inputs(inputs.data(), first, count, bias, dx);
    });
  }

  void backward_weights(const T* x, const T* dy, T* dw) {
    const auto filters = context_.template scratch<T>(positions * depth_ * g_.o);
    const auto inputs = context_.template scratch<T>(size(depth_)), results = context_.template scratch<T>(size(g_.o));
    for_chunks([&](index_t first, index_t count) {
      map_inputs(x, first, count, inputs.data());
      map_results(dy, first, count, results.data());
      multiply_transposed(count, results.data(), inputs.data(), filters.data(), first > 0);
    });
    collect_filters(filters.data(), dw);
  }

 private:
  static constexpr index_t channel_step = 16;     // whole vectors in every instruction set that is used
  static constexpr int edge = 5;                  // positions of a four
  static constexpr int positions = edge * edge;
  static constexpr index_t line = 64;             // channels that are mapped at a time, so that a tile stays in the first cache
  static constexpr index_t max_values = 1 << 22;  // of the mapped images and results of a chunk: they stay in the last cache
  static constexpr index_t max_slice = 256;
  static constexpr index_t row_block = 128;
  static constexpr index_t column_block = 384;

  /// Along one direction: the taps of all results that are not on the padding.
  static index_t taps_inside(index_t size, index_t taps, index_t stride, index_t padding, index_t results) {
    index_t count = 0;
    for (index_t i = 0; i < results; ++i)
      count += std::max<index_t>(0, std::min(taps, size - i * stride + padding) - std::max<index_t>(0, padding - i * stride));
    return count;
  }

  index_t tiles_at(index_t position) const { return down_.count_at(position / edge) * across_.count_at(position % edge); }
  /// Values of all positions with `width` values a tile; each position a cache line further, so that they do not share one set.
  index_t size(index_t width) const { return rows_ * width + positions * pad; }
  index_t place(index_t position, index_t width) const { return first_row_[position] * width + position * pad; }
  static constexpr index_t pad = 16;

  const FilteringMaps<T>& maps(const Tiling& tiling, index_t tile) const { return tiling.is_four(tile) ? four_ : three_; }

  template <class Function>
  void for_chunks(const Function& f) {
    for (index_t first = 0; first < g_.n; first += images_) f(first, std::min(images_, g_.n - first));
  }

  /// A map along both directions: from in_h × in_w lines of `count` values to out_h × out_w lines.
  static void map_tile(const LineMap<T>& along_h, const LineMap<T>& along_w, const T* const* in, T* const* out, index_t count, bool accumulate) {
    alignas(64) T between[edge * edge * line];
    for (index_t first = 0; first < count; first += line) {
      const index_t length = std::min(line, count - first);
      const T* from[edge];
      T* to[edge];
      for (int j = 0; j < along_w.in; ++j) {
        for (int i = 0; i < along_h.in; ++i) from[i] = in[i * along_w.in + j] + first;
        for (int i = 0; i < along_h.out; ++i) to[i] = between + (i * edge + j) * line;
        along_h.apply(from, to, length, false);
      }
      for (int i = 0; i < along_h.out; ++i) {
        for (int j = 0; j < along_w.in; ++j) from[j] = between + (i * edge + j) * line;
        for (int j = 0; j < along_w.out; ++j) to[j] = out[i * along_w.out + j] + first;
        along_w.apply(from, to, length, accumulate);
      }
    }
  }

  /// f(image of the chunk, tile down, tile across) for all tiles, the rows of tiles in parallel.
  template <class Function>
  void for_tiles(index_t images, const Function& f) const {
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < images * down_.count(); ++task)
      for (index_t tile = 0; tile < across_.count(); ++tile) f(task / down_.count(), task % down_.count(), tile);
  }

  /// The lines of a tile at its positions, in mapped images or results of some width.
  template <class U>
  void lines_at(U* mapped, index_t width, index_t image, index_t tile_h, index_t tile_w, U** lines) const {
    const int rows = down_.is_four(tile_h) ? 5 : 4, columns = across_.is_four(tile_w) ? 5 : 4;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        const index_t row = (image * down_.count_at(i) + tile_h) * across_.count_at(j) + tile_w;
        *lines++ = mapped + place(i * edge + j, width) + row * width;
      }
  }

  /// V: the images, mapped.
  void map_inputs(const T* x, index_t first, index_t images, T* mapped) const {
    const auto zeros = context_.template scratch<T>(g_.c);
    std::fill_n(zeros.data(), g_.c, T{0});
    for_tiles(images, [&](index_t image, index_t tile_h, index_t tile_w) {
      const FilteringMaps<T>&along_h = maps(down_, tile_h), &along_w = maps(across_, tile_w);
      T* lines[positions];
      lines_at(mapped, depth_, image, tile_h, tile_w, lines);
      const int count = along_h.inputs.out * along_w.inputs.out;
      for (index_t phase = 0; phase < phases_; ++phase) {
        const T* pixels[positions];
        pixels_of(x, first + image, tile_h, tile_w, phase, static_cast<const T*>(zeros.data()), pixels);
        map_tile(along_h.inputs, along_w.inputs, pixels, lines, g_.c, false);
        for (int i = 0; i < count; ++i) lines[i] += g_.c;
      }
    });
  }

  /// The pixels of one phase that a tile sees; `outside` stands in for those of the padding.
  template <class U>
  void pixels_of(U* images, index_t image, index_t tile_h, index_t tile_w, index_t phase, U* outside, U** pixels) const {
    const index_t rows = down_.is_four(tile_h) ? 5 : 4, columns = across_.is_four(tile_w) ? 5 : 4;
    for (index_t i = 0; i < rows; ++i) {
      const index_t row = (down_.begin(tile_h) + i) * g_.stride_h + phase / g_.stride_w - g_.padding_h;
      for (index_t j = 0; j < columns; ++j) {
        const index_t column = (across_.begin(tile_w) + j) * g_.stride_w + phase % g_.stride_w - g_.padding_w;
        const bool inside = row >= 0 && row < g_.h && column >= 0 && column < g_.w;
        *pixels++ = inside ? images + ((image * g_.h + row) * g_.w + column) * g_.c : outside;
      }
    }
  }

  /// The results of a tile; `outside` stands in for those beyond the last one.
  template <class U>
  void results_of(U* results, index_t image, index_t tile_h, index_t tile_w, U* outside, U** lines) const {
    const index_t rows = down_.is_four(tile_h) ? 4 : 3, columns = across_.is_four(tile_w) ? 4 : 3;
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < columns; ++j) {
        const index_t row = down_.begin(tile_h) + i, column = across_.begin(tile_w) + j;
        *lines++ = row < g_.p() && column < g_.q() ? results + ((image * g_.p() + row) * g_.q() + column) * g_.o : outside;
      }
  }

  /// Ȳ: the results' gradients, mapped.
  void map_results(const T* dy, index_t first, index_t images, T* mapped) const {
    const auto zeros = context_.template scratch<T>(g_.o);
    std::fill_n(zeros.data(), g_.o, T{0});
    for_tiles(images, [&](index_t image, index_t tile_h, index_t tile_w) {
      const T* results[positions];
      T* lines[positions];
      results_of(dy, first + image, tile_h, tile_w, static_cast<const T*>(zeros.data()), results);
      lines_at(mapped, g_.o, image, tile_h, tile_w, lines);
      map_tile(maps(down_, tile_h).results_adjoint, maps(across_, tile_w).results_adjoint, results, lines, g_.o, false);
    });
  }

  /// y := what the products give, mapped back, + bias.
  void collect_results(const T* mapped, index_t first, index_t images, const T* bias, T* y) const {
    const auto unused = context_.template scratch<T>(g_.o * context_.threads());
    for_tiles(images, [&](index_t image, index_t tile_h, index_t tile_w) {
      const T* lines[positions];
      T* results[positions];
      lines_at(mapped, g_.o, image, tile_h, tile_w, lines);
      results_of(y, first + image, tile_h, tile_w, unused.data() + g_.o * this_thread(), results);
      const LineMap<T>&along_h = maps(down_, tile_h).results, &along_w = maps(across_, tile_w).results;
      if (bias != nullptr)
        for (int i = 0; i < along_h.out * along_w.out; ++i) std::copy_n(bias, g_.o, results[i]);
      map_tile(along_h, along_w, lines, results, g_.o, bias != nullptr);
    });
  }

  /// dx := what the products give, mapped back, + bias. Tiles overlap by a pixel, so that a thread has whole images.
  void collect_inputs(const T* mapped, index_t first, index_t images, const T* bias, T* dx) const {
    const auto unused = context_.template scratch<T>(g_.c * context_.threads());
    std::fill_n(unused.data(), unused.count(), T{0});
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t image = 0; image < images; ++image) {
      T* const pixels = dx + (first + image) * g_.h * g_.w * g_.c;
      for (index_t i = 0; i < g_.h * g_.w; ++i)
        if (bias != nullptr)
          std::copy_n(bias, g_.c, pixels + i * g_.c);
        else
          std::fill_n(pixels + i * g_.c, g_.c, T{0});
      for (index_t tile_h = 0; tile_h < down_.count(); ++tile_h)
        for (index_t tile_w = 0; tile_w < across_.count(); ++tile_w) {
          const LineMap<T>&along_h = maps(down_, tile_h).inputs_adjoint, &along_w = maps(across_, tile_w).inputs_adjoint;
          const T* lines[positions];
          lines_at(mapped, depth_, image, tile_h, tile_w, lines);
          for (index_t phase = 0; phase < phases_; ++phase) {
            T* to[positions];
            pixels_of(dx, first + image, tile_h, tile_w, phase, unused.data() + g_.c * this_thread(), to);
            map_tile(along_h, along_w, lines, to, g_.c, true);
            for (int i = 0; i < along_h.in * along_w.in; ++i) lines[i] += g_.c;
          }
        }
    }
  }

  /// The taps of one phase of a filter.
  template <class U>
  void taps_of(U* filters, index_t filter, index_t phase, U** taps) const {
    for (index_t i = 0; i < 2; ++i)
      for (index_t j = 0; j < 2; ++j)
        *taps++ = filters + ((filter * g_.r + phase / g_.stride_w + i * g_.stride_h) * g_.s + phase % g_.stride_w + j * g_.stride_w) * g_.c;
  }

  /// U, packed for products over the channels of the images (their columns are filters) or over the filters (theirs are channels).
  void map_filters(const T* w, T* packed, bool over_channels) const {
    const index_t blocks = g_.o / channel_step;
    const auto memory = context_.template scratch<T>(positions * channel_step * depth_ * context_.threads());
    const index_t columns = over_channels ? g_.o : depth_, k_count = over_channels ? depth_ : g_.o;
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t block = 0; block < blocks; ++block) {
      T* const mapped = memory.data() + positions * channel_step * depth_ * this_thread();
      for (index_t i = 0; i < channel_step; ++i)
        for (index_t phase = 0; phase < phases_; ++phase) {
          const T* taps[4];
          T* lines[positions];
          taps_of(w, block * channel_step + i, phase, taps);
          for (int position = 0; position < positions; ++position) lines[position] = mapped + (position * channel_step + i) * depth_ + phase * g_.c;
          map_tile(four_.filter, four_.filter, taps, lines, g_.c, false);
        }
      for (index_t position = 0; position < positions; ++position) {
        const T* const rows = mapped + position * channel_step * depth_;
        T* const to = packed + position * depth_ * g_.o;
        for_panels(columns, [&](index_t column, index_t width) {
          const index_t begin = block * channel_step;  // of the filters
          T* const panel = to + column * k_count;
          if (!over_channels)
            for (index_t i = 0; i < channel_step; ++i) pack_row(rows + i * depth_ + column, width, width, panel + (begin + i) * width);
          else if (begin >= column && begin < column + width)
            transpose_block(rows, depth_, channel_step, depth_, panel + begin - column, width);
        });
      }
    }
  }

  /// f(first column, width) for the panels of so many columns, whole vectors each.
  template <class Function>
  void for_panels(index_t columns, const Function& f) const {
    for (index_t column = 0, width; column < columns; column += width) {
      width = kernels_.next_width((columns - column) / kernels_.lanes) * kernels_.lanes;
      f(column, width);
    }
  }

  /// dw += what the products give, mapped back.
  void collect_filters(const T* mapped, T* dw) const {
#pragma omp parallel for schedule(static) num_threads(context_.threads())
    for (index_t filter = 0; filter < g_.o; ++filter)
      for (index_t phase = 0; phase < phases_; ++phase) {
        const T* lines[positions];
        T* taps[4];
        taps_of(dw, filter, phase, taps);
        for (int position = 0; position < positions; ++position) lines[position] = mapped + (position * g_.o + filter) * depth_ + phase * g_.c;
        map_tile(four_.filter_adjoint, four_.filter_adjoint, lines, taps, g_.c, true);
      }
  }

  /// At every position: product := mapped · packed, [tiles × k_count] · [k_count × columns].
  void multiply(index_t images, const T* mapped, index_t k_count, const T* packed, index_t columns, T* product) const {
    const index_t blocks = (images_ * down_.count() * across_.count() + row_block - 1) / row_block;
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < positions * blocks; ++task) {
      const index_t position = task / blocks, rows = images * tiles_at(position);
      const index_t begin = task % blocks * row_block, end = std::min(rows, begin + row_block);
      const T* const left = mapped + place(position, k_count);
      T* const out = product + place(position, columns);
      alignas(64) T unused[TileKernels<T>::max_columns];
      for (index_t k = 0; k < k_count; k += max_slice) {
        const index_t count = std::min(max_slice, k_count - k);
        for (index_t m = begin; m < end; m += kernels_.rows) {
          Segment<T> segment{.begin = 0, .count = count, .rows = {}};
          for (int i = 0; i < kernels_.rows; ++i) segment.rows[i] = left + std::min(m + i, end - 1) * k_count + k;
          for_panels(columns, [&](index_t column, index_t width) {
            T* c[max_tile_rows];
            for (int i = 0; i < kernels_.rows; ++i) c[i] = m + i < end ? out + (m + i) * columns + column : unused;
            const T* const panel = packed + position * k_count * columns + column * k_count + k * width;
            kernels_.multiply[width / kernels_.lanes - 1]({&segment, 1, 1, panel, width, c, nullptr, k > 0});
          });
        }
      }
    }
  }

  /// At every position: filters (+)= resultsᵀ · inputs, [O × tiles] · [tiles × depth].
  void multiply_transposed(index_t images, const T* results, const T* inputs, T* filters, bool accumulate) const {
    const index_t columns = depth_, blocks = (columns + column_block - 1) / column_block;
    const index_t own = max_slice * (column_block + max_tile_rows);
    const auto memory = context_.template scratch<T>(own * context_.threads());
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < positions * blocks; ++task) {
      const index_t position = task / blocks, rows = images * tiles_at(position);
      const index_t first = task % blocks * column_block, last = std::min(columns, first + column_block);
      T* const packed = memory.data() + own * this_thread();
      T* const gathered = packed + max_slice * column_block;
      const MatrixColumns<T> right(inputs + place(position, depth_), depth_);
      const TransposedRows<T> left(results + place(position, g_.o), g_.o);
      T* const out = filters + position * g_.o * depth_;
      alignas(64) T unused[TileKernels<T>::max_columns];
      for (index_t k = 0; k < rows; k += max_slice) {
        const Slice slice{k, std::min(rows, k + max_slice)};
        for_panels(last - first, [&](index_t column, index_t width) { right.pack(slice, first + column, width, packed + column * slice.count()); });
        for (index_t m = 0; m < g_.o; m += kernels_.rows) {
          const index_t end = std::min<index_t>(g_.o, m + kernels_.rows);
          Segment<T> segment;
          SegmentList<T> list{&segment};
          left.panel(m, end, kernels_.rows, slice, list, gathered);
          for_panels(last - first, [&](index_t column, index_t width) {
            T* c[max_tile_rows];
            for (int i = 0; i < kernels_.rows; ++i) c[i] = m + i < end ? out + (m + i) * columns + first + column : unused;
            kernels_.multiply[width / kernels_.lanes - 1]({&segment, 1, left.stride(kernels_.rows), packed + column * slice.count(), width, c, nullptr, accumulate || k > 0});
          });
        }
      }
    }
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  Tiling down_, across_;
  index_t phases_, depth_;
  TileKernels<T> kernels_;
  FilteringMaps<T> four_, three_;
  index_t images_ = 0, rows_ = 0;  // of a chunk
  index_t first_row_[positions] = {};
};

}  // namespace nash::cpu
