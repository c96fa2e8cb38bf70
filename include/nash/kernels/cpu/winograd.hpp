// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/filtering_cut.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"

namespace nash::cpu {

/// Convolutions by Winograd's minimal filtering, for each phase of the pixels within the stride, whose filters have one to three
/// taps in each direction. See docs/kernels.md.
///
/// With g the filters, d the images and y the results of one tile, and ⊙ a product of matrices at each position,
///
///     forward           y = Aᵀ·(U ⊙ V)·A           U = G·g·Gᵀ [O × depth],  V = Bᵀ·d·B [tiles × depth]
///     backward_data     d̄ = B·(Uᵀ ⊙ Ȳ)·Bᵀ          Ȳ = A·ȳ·Aᵀ [tiles × O]
///     backward_weights  ḡ = Gᵀ·(Ȳᵀ ⊙ V)·G
///
/// so that three linear maps and their adjoints, and products of matrices, make all directions. Phases with as many taps go
/// together: their channels side by side are the depth. Others give results of their own, which are added.
template <class T>
class Winograd {
 public:
  /// Whether it can be done, and takes clearly less work than taps that are not on the padding.
  NASH_COLD static bool suits(Context<Cpu>& context, const Conv2dGeometry& g) {
    if (context.instruction_set() == InstructionSet::baseline || g.c % channel_step != 0 || g.o % channel_step != 0) return false;
    const Axis down = axis_h(g), across = axis_w(g);
    for (const Axis& axis : {down, across})
      if (axis.stride > 2 || axis.taps < 2 * axis.stride - 1 || axis.taps > 3 * axis.stride || axis.taps == axis.stride || axis.results < 4) return false;
    return Winograd(context, g).work() < worth * static_cast<double>(g.n * down.taps_inside() * across.taps_inside() * g.c * g.o);
  }

  /// At most `cached` values of the mapped images and results are there at once, so that they stay in the last cache.
  NASH_COLD Winograd(Context<Cpu>& context, const Conv2dGeometry& g, index_t cached = 1 << 22)
      : context_(context), g_(g), down_(axis_h(g)), across_(axis_w(g)), kernels_(tile_kernels<T>(context.instruction_set())) {
    index_t values = 0;
    for (index_t i = 0; i < g.stride_h; ++i)
      for (index_t j = 0; j < g.stride_w; ++j) add_phase(i, j);
    for (int i = 0; i < group_count_; ++i) values = std::max(values, groups_[i].products_for(1) * (groups_[i].depth + g.o));
    most_images_ = std::clamp<index_t>(cached / values, 1, g.n);
    for (int i = 0; i < group_count_; ++i) groups_[i].filters_at = filter_values_, filter_values_ += groups_[i].filter_values(g.o);
  }

  /// Whether forward and backward_data give each thread images of its own: enough for its products, nearly as many as to the others, and
  /// filters, which all then read, that are few enough.
  bool goes_apart() const {
    const index_t threads = context_.threads(), most = (g_.n + threads - 1) / threads, tiles = groups_[0].down.count() * groups_[0].across.count();
    return threads > 1 && 7 * most * threads <= 8 * g_.n && g_.n * tiles >= least_rows * threads && filter_values_ <= most_filter_values;
  }

  NASH_COLD void forward(const T* x, const T* w, T* y, const T* bias, const Epilogue<T>& epilogue = {}) {
    PackedFilters<T> packed(context_, w, filter_form(true), filter_values_);
    map_filters(w, packed, true);
    for_chunks(goes_apart(), [&](const Chunk& chunk) {
      if (bias != nullptr) fill(chunk, y, g_.p() * g_.q(), g_.o, bias);
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_inputs(group, x, chunk, tile...); });
        multiply(group, chunk, chunk.inputs, group.depth, packed.data(), g_.o, g_.o, chunk.results);
        collect_results(group, chunk, bias != nullptr || &group != groups_, epilogue_of(group, epilogue), y);
      }
    });
  }

  NASH_COLD void backward_data(const T* dy, const T* w, T* dx, const T* bias, const Epilogue<T>& epilogue = {}) {
    PackedFilters<T> packed(context_, w, filter_form(false), filter_values_);
    map_filters(w, packed, false);
    for_chunks(goes_apart(), [&](const Chunk& chunk) {
      fill(chunk, dx, g_.h * g_.w, g_.c, bias);
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_results(group, dy, chunk, tile...); });
        multiply(group, chunk, chunk.results, g_.o, packed.data(), group.depth, g_.c, chunk.inputs);
        collect_inputs(group, chunk, epilogue_of(group, epilogue), dx);
      }
    });
  }

  NASH_COLD void backward_weights(const T* x, const T* dy, T* dw, bool accumulate) {
    const auto filters = context_.template scratch<T>(filter_values_);
    for_chunks(false, [&](const Chunk& chunk) {
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_inputs(group, x, chunk, tile...), map_results(group, dy, chunk, tile...); });
        multiply_transposed(group, chunk, filters.data(), chunk.first > 0);
      }
    });
    for (const Group& group : groups()) collect_filters(group, filters.data(), dw, accumulate);
  }

 private:
  static constexpr double worth = 0.75;           // what is saved must pay for the maps
  static constexpr double filter_work = 24;       // a filter's value at a position costs as much to map as so many tiles
  static constexpr index_t channel_step = 16;     // whole vectors in every instruction set that is used
  static constexpr int edge = 6;                  // the most positions along an axis
  static constexpr int max_positions = edge * edge;
  static constexpr int max_groups = 4;            // of phases
  static constexpr index_t line = 64;             // channels that are mapped at a time, so that a tile stays in the first cache
  static constexpr index_t pad = 16;              // a cache line between positions, so that they do not share one set
  static constexpr index_t least_rows = 32;       // of a thread's own products: so often it uses a filter that it fetches
  static constexpr index_t most_filter_values = 1 << 20;  // that every thread fetches
  static constexpr index_t row_block = 128;
  static constexpr index_t column_block = 384;
  static constexpr index_t wanted_tasks = 8, least_filters = 32;  // of the weights' gradients: what packing images costs for each task

  struct Phase {
    index_t h, w;
  };

  /// Phases of the stride with equally many taps in each direction, and where their values lie.
  struct Group {
    index_t taps_h, taps_w;
    Cut<T> down, across;
    Phase phases[max_groups];
    int phase_count = 0;
    index_t depth = 0;
    index_t filters_at = 0;  // where its mapped filters begin
    index_t rows = 0, first_row[max_positions] = {};

    int positions() const { return down.positions() * across.positions(); }
    index_t tiles_at(int position) const { return down.count_at(position / across.positions()) * across.count_at(position % across.positions()); }
    /// The rows of all products with so many images.
    index_t products_for(index_t images) const { return images * down.multiplications() * across.multiplications(); }
    index_t filter_values(index_t filters) const { return positions() * depth * filters; }
    index_t values(index_t width) const { return rows * width + positions() * pad; }
    /// Where the values of a position begin, `width` of them a tile.
    index_t place(int position, index_t width) const { return first_row[position] * width + position * pad; }

    void lay_out(index_t images) {
      rows = 0;
      for (int position = 0; position < positions(); ++position) {
        first_row[position] = rows;
        rows += images * tiles_at(position);
      }
    }

    /// The lines of a tile at its positions.
    NASH_NOINLINE void lines_at(T* mapped, index_t width, index_t image, index_t tile_h, index_t tile_w, T** lines) const {
      const int last_h = down.maps(tile_h).inputs.out, last_w = across.maps(tile_w).inputs.out;
      for (int i = 0; i < last_h; ++i)
        for (int j = 0; j < last_w; ++j) {
          const index_t row = (image * down.count_at(i) + tile_h) * across.count_at(j) + tile_w;
          *lines++ = mapped + place(i * across.positions() + j, width) + row * width;
        }
    }
  };

  /// Images that are mapped, multiplied and mapped back at a time, by so many threads, and the memory for it.
  struct Chunk {
    index_t first, count;
    int threads;
    T* inputs;
    T* results;
    T* zeros;   ///< a pixel's
    T* unused;  ///< a pixel's for each thread
  };

  static Axis axis_h(const Conv2dGeometry& g) { return {g.h, g.r, g.stride_h, g.padding_h, g.p()}; }
  static Axis axis_w(const Conv2dGeometry& g) { return {g.w, g.s, g.stride_w, g.padding_w, g.q()}; }

  void add_phase(index_t i, index_t j) {
    const index_t taps_h = down_.taps_of(i), taps_w = across_.taps_of(j);
    Group* group = groups_;
    while (group != groups_ + group_count_ && (group->taps_h != taps_h || group->taps_w != taps_w)) ++group;
    if (group == groups_ + group_count_) {
      ++group_count_;
      group->taps_h = taps_h, group->taps_w = taps_w;
      group->down = Cut<T>(down_, taps_h, context_.instruction_set());
      group->across = Cut<T>(across_, taps_w, context_.instruction_set());
    }
    group->phases[group->phase_count++] = {i, j};
    group->depth += g_.c;
  }

  /// In multiply-adds, more or less.
  double work() const {
    double total = 0;
    for (const Group& group : groups())
      total += (static_cast<double>(group.products_for(g_.n)) + filter_work * group.positions()) * static_cast<double>(group.depth * g_.o);
    return total;
  }

  std::span<const Group> groups() const { return {groups_, static_cast<std::size_t>(group_count_)}; }
  /// Results are final when the last group has added to them.
  Epilogue<T> epilogue_of(const Group& group, const Epilogue<T>& epilogue) const { return &group == groups_ + group_count_ - 1 ? epilogue : Epilogue<T>{}; }
  /// A map along both directions, between lines of `count` values.
  static void map_tile(const LineMap<T>& along_h, const LineMap<T>& along_w, const T* const* in, T* const* out, index_t count, bool accumulate) {
    if (is_identity(along_w)) return along_h.apply(in, out, count, accumulate);
    if (is_identity(along_h)) return along_w.apply(in, out, count, accumulate);
    alignas(64) T between[max_positions * line];
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

  static bool is_identity(const LineMap<T>& map) { return map.in == 1 && map.out == 1; }

  /// f(chunk) for all images. Where they may be `apart`, each thread has chunks of its own, so that what it maps stays in its nearest
  /// cache; elsewhere all threads share one chunk after the other.
  template <class Function>
  NASH_COLD void for_chunks(bool apart, const Function& f) {
    const int threads = context_.threads(), rooms = apart ? threads : 1;
    const index_t each = (g_.n + rooms - 1) / rooms, chunks_each = (each * rooms + most_images_ - 1) / most_images_;
    const index_t images = apart ? (each + chunks_each - 1) / chunks_each : most_images_, chunks = (g_.n + images - 1) / images;
    index_t inputs_size = 0, results_size = 0;
    for (int i = 0; i < group_count_; ++i) {
      groups_[i].lay_out(images);
      inputs_size = std::max(inputs_size, groups_[i].values(groups_[i].depth)), results_size = std::max(results_size, groups_[i].values(g_.o));
    }
    const index_t pixel = std::max(g_.c, g_.o);
    const auto inputs = context_.template scratch<T>(inputs_size * rooms), results = context_.template scratch<T>(results_size * rooms);
    const auto pixels = context_.template scratch<T>(pixel * (1 + threads));
    std::fill_n(pixels.data(), pixels.count(), T{0});
    const auto run = [&](index_t i, int room) {
      f(Chunk{i * images, std::min(images, g_.n - i * images), apart ? 1 : threads, inputs.data() + room * inputs_size,
              results.data() + room * results_size, pixels.data(), pixels.data() + (1 + room) * pixel});
    };
    if (!apart) {
      for (index_t i = 0; i < chunks; ++i) run(i, 0);
    } else {
#pragma omp parallel for schedule(static) num_threads(threads)
      for (index_t i = 0; i < chunks; ++i) run(i, this_thread());
    }
  }
  /// f(image of the chunk, tile down, tile across) for all tiles, the rows of tiles in parallel.
  template <class Function>
  void for_tiles(const Group& group, const Chunk& chunk, const Function& f) const {
#pragma omp parallel for schedule(dynamic) num_threads(chunk.threads) if(chunk.threads > 1)
    for (index_t task = 0; task < chunk.count * group.down.count(); ++task)
      for (index_t tile = 0; tile < group.across.count(); ++tile) f(task / group.down.count(), task % group.down.count(), tile);
  }

  /// All lines of a chunk's images := value, or zero where it is null.
  void fill(const Chunk& chunk, T* lines, index_t of_image, index_t width, const T* value) const {
#pragma omp parallel for schedule(static) num_threads(chunk.threads) if(chunk.threads > 1)
    for (index_t i = chunk.first * of_image; i < (chunk.first + chunk.count) * of_image; ++i)
      if (value != nullptr)
        std::copy_n(value, width, lines + i * width);
      else
        std::fill_n(lines + i * width, width, T{0});
  }

  // What tells where values lie is compiled once, for those who write them and for those who only read.
  static T* writable(const T* values) { return const_cast<T*>(values); }

  /// The pixels of one phase that a tile sees; `outside` stands in for those of the padding.
  NASH_NOINLINE void pixels_of(const Group& group, const Phase& phase, T* images, index_t image, index_t tile_h, index_t tile_w, T* outside, T** pixels) const {
    const index_t count_h = group.down.maps(tile_h).inputs.in, count_w = group.across.maps(tile_w).inputs.in;
    const index_t first_h = group.down.begin(tile_h) + group.down.first_input, first_w = group.across.begin(tile_w) + group.across.first_input;
    for (index_t i = 0; i < count_h; ++i) {
      const index_t row = (first_h + i) * g_.stride_h + phase.h - g_.padding_h;
      for (index_t j = 0; j < count_w; ++j) {
        const index_t column = (first_w + j) * g_.stride_w + phase.w - g_.padding_w;
        const bool inside = row >= 0 && row < g_.h && column >= 0 && column < g_.w;
        *pixels++ = inside ? images + ((image * g_.h + row) * g_.w + column) * g_.c : outside;
      }
    }
  }

  /// The results of a tile; `outside` stands in for those beyond the last one.
  NASH_NOINLINE void results_of(const Group& group, T* results, index_t image, index_t tile_h, index_t tile_w, T* outside, T** lines) const {
    const index_t count_h = group.down.maps(tile_h).results.out, count_w = group.across.maps(tile_w).results.out;
    for (index_t i = 0; i < count_h; ++i)
      for (index_t j = 0; j < count_w; ++j) {
        const index_t row = group.down.begin(tile_h) + i, column = group.across.begin(tile_w) + j;
        *lines++ = row < g_.p() && column < g_.q() ? results + ((image * g_.p() + row) * g_.q() + column) * g_.o : outside;
      }
  }

  /// V: a tile of the images, mapped.
  void map_inputs(const Group& group, const T* x, const Chunk& chunk, index_t image, index_t tile_h, index_t tile_w) const {
    const LineMap<T>&along_h = group.down.maps(tile_h).inputs, &along_w = group.across.maps(tile_w).inputs;
    T* lines[max_positions];
    group.lines_at(chunk.inputs, group.depth, image, tile_h, tile_w, lines);
    for (int phase = 0; phase < group.phase_count; ++phase) {
      T* pixels[max_positions];
      pixels_of(group, group.phases[phase], writable(x), chunk.first + image, tile_h, tile_w, chunk.zeros, pixels);
      map_tile(along_h, along_w, pixels, lines, g_.c, false);
      for (int i = 0; i < along_h.out * along_w.out; ++i) lines[i] += g_.c;
    }
  }

  /// Ȳ: a tile of the results' gradients, mapped.
  void map_results(const Group& group, const T* dy, const Chunk& chunk, index_t image, index_t tile_h, index_t tile_w) const {
    T* results[max_positions];
    T* lines[max_positions];
    results_of(group, writable(dy), chunk.first + image, tile_h, tile_w, chunk.zeros, results);
    group.lines_at(chunk.results, g_.o, image, tile_h, tile_w, lines);
    map_tile(group.down.maps(tile_h).results_adjoint, group.across.maps(tile_w).results_adjoint, results, lines, g_.o, false);
  }

  /// y (+)= what the products give, mapped back.
  void collect_results(const Group& group, const Chunk& chunk, bool accumulate, const Epilogue<T>& epilogue, T* y) const {
    for_tiles(group, chunk, [&](index_t image, index_t tile_h, index_t tile_w) {
      T* lines[max_positions];
      T* results[max_positions];
      group.lines_at(chunk.results, g_.o, image, tile_h, tile_w, lines);
      T* const outside = chunk.unused + (chunk.threads > 1 ? this_thread() : 0) * g_.o;
      results_of(group, y, chunk.first + image, tile_h, tile_w, outside, results);
      map_tile(group.down.maps(tile_h).results, group.across.maps(tile_w).results, lines, results, g_.o, accumulate);
      const int count = group.down.maps(tile_h).results.out * group.across.maps(tile_w).results.out;
      for (int i = 0; i < count; ++i)
        if (results[i] != outside) epilogue.apply(results[i], g_.o);
    });
  }

  /// dx += what the products give, mapped back. Tiles overlap, so that a thread has whole images.
  void collect_inputs(const Group& group, const Chunk& chunk, const Epilogue<T>& epilogue, T* dx) const {
#pragma omp parallel for schedule(dynamic) num_threads(chunk.threads) if(chunk.threads > 1)
    for (index_t image = 0; image < chunk.count; ++image) {
      T* const outside = chunk.unused + (chunk.threads > 1 ? this_thread() : 0) * g_.c;
      for (index_t tile_h = 0; tile_h < group.down.count(); ++tile_h)
        for (index_t tile_w = 0; tile_w < group.across.count(); ++tile_w) {
          const LineMap<T>&along_h = group.down.maps(tile_h).inputs_adjoint, &along_w = group.across.maps(tile_w).inputs_adjoint;
          T* lines[max_positions];
          group.lines_at(chunk.inputs, group.depth, image, tile_h, tile_w, lines);
          for (int phase = 0; phase < group.phase_count; ++phase) {
            T* pixels[max_positions];
            pixels_of(group, group.phases[phase], dx, chunk.first + image, tile_h, tile_w, outside, pixels);
            map_tile(along_h, along_w, lines, pixels, g_.c, true);
            for (int i = 0; i < along_h.in * along_w.in; ++i) lines[i] += g_.c;
          }
        }
      epilogue.apply(dx + (chunk.first + image) * g_.h * g_.w * g_.c, g_.h * g_.w * g_.c);
    }
  }

  /// The taps of one phase of a filter.
  NASH_NOINLINE void taps_of(const Group& group, const Phase& phase, T* filters, index_t filter, T** taps) const {
    for (index_t i = 0; i < group.taps_h; ++i)
      for (index_t j = 0; j < group.taps_w; ++j)
        *taps++ = filters + ((filter * g_.r + phase.h + i * g_.stride_h) * g_.s + phase.w + j * g_.stride_w) * g_.c;
  }

  FilterStore::Form filter_form(bool over_channels) const {
    return {static_cast<index_t>(FilterForm::filtering), over_channels, g_.h, g_.w, g_.c, g_.o, g_.r, g_.s, g_.stride_h, g_.stride_w, g_.padding_h, g_.padding_w};
  }

  void map_filters(const T* w, PackedFilters<T>& packed, bool over_channels) const {
    if (packed.are_packed()) return;
    for (const Group& group : groups()) map_filters(group, w, packed.data(), over_channels);
    packed.set_packed();
  }

  /// U, packed in panels for products over the channels of the images (columns are filters) or over the filters (columns are
  /// channels). The taps are packed first, so that the maps go along whole blocks of panels.
  void map_filters(const Group& group, const T* w, T* all_packed, bool over_channels) const {
    const index_t columns = over_channels ? g_.o : g_.c, rows = over_channels ? g_.c : g_.o, k_count = over_channels ? group.depth : g_.o;
    const index_t own = group.taps_h * group.taps_w * channel_step * TileKernels<T>::max_columns, blocks = rows / channel_step;
    const auto memory = context_.template scratch<T>(own * context_.threads());
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < blocks * group.phase_count; ++task) {
      const int phase = static_cast<int>(task / blocks);
      const index_t row = task % blocks * channel_step;
      for_panels(columns, columns, [&](index_t column, index_t width) {
        T* taps[max_positions];
        const T* packed_taps[max_positions];
        T* lines[max_positions];
        taps_of(group, group.phases[phase], writable(w), over_channels ? column : row, taps);
        for (index_t i = 0; i < group.taps_h * group.taps_w; ++i) {
          T* const to = memory.data() + own * this_thread() + i * channel_step * width;
          packed_taps[i] = to;
          if (over_channels)
            transpose_block(taps[i] + row, g_.r * g_.s * g_.c, width, channel_step, to, width);
          else
            for (index_t j = 0; j < channel_step; ++j) pack_row(taps[i] + j * g_.r * g_.s * g_.c + column, width, width, to + j * width);
        }
        const index_t k = over_channels ? phase * g_.c + row : row, n = over_channels ? column : phase * g_.c + column;
        for (int position = 0; position < group.positions(); ++position)
          lines[position] = all_packed + group.filters_at + position * group.depth * g_.o + n * k_count + k * width;
        map_tile(group.down.large.maps->filter, group.across.large.maps->filter, packed_taps, lines, channel_step * width, false);
      });
    }
  }

  /// dw (+)= what the products give, mapped back.
  void collect_filters(const Group& group, const T* all_mapped, T* dw, bool accumulate) const {
    const T* const mapped = all_mapped + group.filters_at;
#pragma omp parallel for schedule(static) num_threads(context_.threads())
    for (index_t filter = 0; filter < g_.o; ++filter)
      for (int phase = 0; phase < group.phase_count; ++phase) {
        const T* lines[max_positions];
        T* taps[max_positions];
        taps_of(group, group.phases[phase], dw, filter, taps);
        for (int position = 0; position < group.positions(); ++position) lines[position] = mapped + (position * g_.o + filter) * group.depth + phase * g_.c;
        map_tile(group.down.large.maps->filter_adjoint, group.across.large.maps->filter_adjoint, lines, taps, g_.c, accumulate);
      }
  }

  index_t panel_width(index_t column, index_t section) const { return kernels_.next_width((section - column % section) / kernels_.lanes) * kernels_.lanes; }

  /// f(first column, width) for the panels of so many columns, whole vectors each; none reaches over the end of a section.
  template <class Function>
  void for_panels(index_t columns, index_t section, const Function& f) const {
    for (index_t column = 0, width; column < columns; column += width) {
      width = panel_width(column, section);
      f(column, width);
    }
  }

  /// At every position: product := mapped · packed, [tiles × k_count] · [k_count × columns].
  void multiply(const Group& group, const Chunk& chunk, const T* mapped, index_t k_count, const T* packed, index_t columns, index_t section,
                T* product) const {
    const index_t blocks = (chunk.count * group.down.count() * group.across.count() + row_block - 1) / row_block;
#pragma omp parallel for schedule(dynamic) num_threads(chunk.threads) if(chunk.threads > 1)
    for (index_t task = 0; task < group.positions() * blocks; ++task) {
      const int position = static_cast<int>(task / blocks);
      const index_t rows = chunk.count * group.tiles_at(position), begin = task % blocks * row_block, end = std::min(rows, begin + row_block);
      if (begin >= end) continue;  // positions that small tiles lack have fewer rows
      const T* const left = mapped + group.place(position, k_count);
      const T* const right = packed + group.filters_at + position * k_count * columns;
      T* const out = product + group.place(position, columns);
      for (index_t k = 0; k < k_count; k += max_slice) {
        const index_t count = std::min(max_slice, k_count - k);
        for_panels(columns, section, [&](index_t column, index_t width) {  // a panel of filters serves all rows, which fetch the next one
          const T* const panel = right + column * k_count + k * width;
          const bool last = column + width == columns;
          const index_t next_column = last ? 0 : column + width, next_k = last ? k + count : k, next_width = panel_width(next_column, section);
          const T* const next = right + next_column * k_count + next_k * next_width;
          const index_t ahead_step = (next_width * kernels_.rows + end - begin - 1) / (end - begin);
          for (index_t m = begin; m < end; m += kernels_.rows) {
            Segment<T> segment{.begin = 0, .count = count, .rows = {}};
            for (int i = 0; i < kernels_.rows; ++i) segment.rows[i] = left + std::min(m + i, end - 1) * k_count + k;
            const T* const ahead = next + (m - begin) / kernels_.rows * ahead_step * count;
            multiply_panel(segment, 1, panel, width, out + m * columns + column, end - m, columns, k > 0, ahead, ahead_step);
          }
        });
      }
    }
  }

  /// At every position: filters (+)= resultsᵀ · inputs, [O × tiles] · [tiles × depth].
  void multiply_transposed(const Group& group, const Chunk& chunk, T* filters, bool accumulate) const {
    const index_t columns = group.depth, blocks = (columns + column_block - 1) / column_block, positions = group.positions();
    const index_t parts = std::clamp<index_t>(context_.threads() > 1 ? wanted_tasks / (positions * blocks) : 1, 1, std::max<index_t>(1, g_.o / least_filters));
    const index_t part_size = ((g_.o + kernels_.rows - 1) / kernels_.rows + parts - 1) / parts * kernels_.rows;
    const index_t own = max_slice * (column_block + LeftOperand<T>::panels_at_once * max_tile_rows);
    const auto memory = context_.template scratch<T>(own * context_.threads());
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < positions * blocks * parts; ++task) {
      const int position = static_cast<int>(task / (blocks * parts));
      const index_t rows = chunk.count * group.tiles_at(position), first = task / parts % blocks * column_block, last = std::min(columns, first + column_block);
      const index_t first_filter = task % parts * part_size, last_filter = std::min(g_.o, first_filter + part_size);
      T* const packed = memory.data() + own * this_thread();
      T* const gathered = packed + max_slice * column_block;
      const MatrixColumns<T> right(chunk.inputs + group.place(position, columns), columns);
      const TransposedRows<T> left(chunk.results + group.place(position, g_.o), g_.o);
      T* const out = filters + group.filters_at + position * g_.o * columns + first;
      for (index_t k = 0; k < rows; k += max_slice) {
        const Slice slice{k, std::min(rows, k + max_slice)};
        for_panels(last - first, last - first, [&](index_t column, index_t width) { right.pack(slice, first + column, width, packed + column * slice.count()); });
        T* buffer = gathered;
        for (index_t m = first_filter; m < last_filter; m += kernels_.rows, buffer += kernels_.rows * slice.count()) {
          constexpr index_t at_once = LeftOperand<T>::panels_at_once;
          if ((m - first_filter) % (at_once * kernels_.rows) == 0)
            left.prepare(m, std::min(last_filter, m + at_once * kernels_.rows), kernels_.rows, slice, buffer = gathered);
          Segment<T> segment;
          SegmentList<T> list{&segment};
          left.panel(m, std::min(last_filter, m + kernels_.rows), kernels_.rows, slice, list, buffer);
          for_panels(last - first, last - first, [&](index_t column, index_t width) {
            multiply_panel(segment, left.stride(kernels_.rows), packed + column * slice.count(), width, out + m * columns + column, last_filter - m, columns,
                           accumulate || k > 0);
          });
        }
      }
    }
  }

  /// One tile of a product, whose rows in C are a step apart; only `rows` of them are there.
  void multiply_panel(const Segment<T>& segment, index_t stride, const T* b, index_t width, T* c, index_t rows, index_t c_step, bool accumulate,
                      const T* ahead = nullptr, index_t ahead_step = 0) const {
    alignas(64) T unused[TileKernels<T>::max_columns] = {};
    T* c_rows[max_tile_rows];
    for (int i = 0; i < kernels_.rows; ++i) c_rows[i] = i < rows ? c + i * c_step : unused;
    kernels_.multiply[width / kernels_.lanes - 1]({&segment, 1, stride, b, width, c_rows, nullptr, accumulate, ahead, ahead_step});
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  Axis down_, across_;
  TileKernels<T> kernels_;
  Group groups_[max_groups];
  int group_count_ = 0;
  index_t most_images_ = 0;    // at once, of all threads
  index_t filter_values_ = 0;  // of all groups
};

}  // namespace nash::cpu
