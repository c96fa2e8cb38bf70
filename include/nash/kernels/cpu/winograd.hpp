// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/filtering_products.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"

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
  NASH_COLD static bool suits(Context<Cpu>& context, const Conv2dGeometry& g) { return FilteringLayout<T>::suits(context.instruction_set(), g); }

  /// At most `cached` values of the mapped images and results are there at once, so that they stay in the last cache.
  NASH_COLD Winograd(Context<Cpu>& context, const Conv2dGeometry& g, index_t cached = 1 << 22)
      : context_(context), g_(g), layout_(context.instruction_set(), g), products_(context) {
    index_t values = 0;
    for (const Group& group : groups()) values = std::max(values, group.products_for(1) * (group.depth + g.o));
    most_images_ = std::clamp<index_t>(cached / values, 1, g.n);
  }

  /// Whether forward and backward_data give each thread images of its own: enough for its products, nearly as many as to the others, and
  /// filters, which all then read, that are few enough.
  bool goes_apart() const {
    const index_t threads = context_.threads(), most = (g_.n + threads - 1) / threads, tiles = groups()[0].down.count() * groups()[0].across.count();
    return threads > 1 && 7 * most * threads <= 8 * g_.n && g_.n * tiles >= least_rows * threads && layout_.filter_values() <= most_filter_values;
  }

  NASH_COLD void forward(const T* x, const T* w, T* y, const T* bias, const Epilogue<T>& epilogue = {}) {
    PackedFilters<T> packed(context_, w, filter_form(true), layout_.filter_values());
    map_filters(w, packed, true);
    for_chunks(goes_apart(), [&](const Chunk& chunk) {
      if (bias != nullptr) fill(chunk, y, g_.p() * g_.q(), g_.o, bias);
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_inputs(group, x, chunk, tile...); });
        products_.multiply(group, chunk, chunk.inputs, group.depth, packed.data(), g_.o, chunk.results);
        collect_results(group, chunk, bias != nullptr || &group != groups().data(), epilogue_of(group, epilogue), y);
      }
    });
  }

  NASH_COLD void backward_data(const T* dy, const T* w, T* dx, const T* bias, const Epilogue<T>& epilogue = {}) {
    PackedFilters<T> packed(context_, w, filter_form(false), layout_.filter_values());
    map_filters(w, packed, false);
    for_chunks(goes_apart(), [&](const Chunk& chunk) {
      fill(chunk, dx, g_.h * g_.w, g_.c, bias);
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_results(group, dy, chunk, tile...); });
        products_.multiply(group, chunk, chunk.results, g_.o, packed.data(), group.depth, chunk.inputs);
        collect_inputs(group, chunk, epilogue_of(group, epilogue), dx);
      }
    });
  }

  NASH_COLD void backward_weights(const T* x, const T* dy, T* dw, bool accumulate) {
    const auto filters = context_.template scratch<T>(layout_.filter_values());
    for_chunks(false, [&](const Chunk& chunk) {
      for (const Group& group : groups()) {
        for_tiles(group, chunk, [&](auto... tile) { map_inputs(group, x, chunk, tile...), map_results(group, dy, chunk, tile...); });
        products_.multiply_transposed(group, chunk, g_.o, filters.data(), chunk.first > 0);
      }
    });
    for (const Group& group : groups()) collect_filters(group, filters.data(), dw, accumulate);
  }

 private:
  using Group = FilteringGroup<T>;
  using Chunk = FilteringChunk<T>;
  static constexpr int edge = Group::edge, max_positions = Group::max_positions;
  static constexpr index_t channel_step = FilteringLayout<T>::channel_step;
  static constexpr index_t line = 64;         // channels that are mapped at a time, so that a tile stays in the first cache
  static constexpr index_t least_rows = 32;   // of a thread's own products: so often it uses a filter that it fetches
  static constexpr index_t most_filter_values = 1 << 20;  // that every thread fetches

  auto groups() const { return layout_.groups(); }

  /// Results are final when the last group has added to them.
  Epilogue<T> epilogue_of(const Group& group, const Epilogue<T>& epilogue) const { return &group == &groups().back() ? epilogue : Epilogue<T>{}; }

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
    layout_.lay_out(images);
    index_t inputs_size = 0, results_size = 0;
    for (const Group& group : groups()) inputs_size = std::max(inputs_size, group.values(group.depth)), results_size = std::max(results_size, group.values(g_.o));
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

  /// V: a tile of the images, mapped.
  void map_inputs(const Group& group, const T* x, const Chunk& chunk, index_t image, index_t tile_h, index_t tile_w) const {
    const LineMap<T>&along_h = group.down.maps(tile_h).inputs, &along_w = group.across.maps(tile_w).inputs;
    T* lines[max_positions];
    group.lines_at(chunk.inputs, group.depth, image, tile_h, tile_w, lines);
    for (int phase = 0; phase < group.phase_count; ++phase) {
      T* pixels[max_positions];
      layout_.pixels_of(group, group.phases[phase], writable(x), chunk.first + image, tile_h, tile_w, chunk.zeros, pixels);
      map_tile(along_h, along_w, pixels, lines, g_.c, false);
      for (int i = 0; i < along_h.out * along_w.out; ++i) lines[i] += g_.c;
    }
  }

  /// Ȳ: a tile of the results' gradients, mapped.
  void map_results(const Group& group, const T* dy, const Chunk& chunk, index_t image, index_t tile_h, index_t tile_w) const {
    T* results[max_positions];
    T* lines[max_positions];
    layout_.results_of(group, writable(dy), chunk.first + image, tile_h, tile_w, chunk.zeros, results);
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
      layout_.results_of(group, y, chunk.first + image, tile_h, tile_w, outside, results);
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
            layout_.pixels_of(group, group.phases[phase], dx, chunk.first + image, tile_h, tile_w, outside, pixels);
            map_tile(along_h, along_w, lines, pixels, g_.c, true);
            for (int i = 0; i < along_h.in * along_w.in; ++i) lines[i] += g_.c;
          }
        }
      epilogue.apply(dx + (chunk.first + image) * g_.h * g_.w * g_.c, g_.h * g_.w * g_.c);
    }
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
  /// channels, those of one phase after those of another). The taps are packed first, so that the maps go along whole blocks of panels.
  void map_filters(const Group& group, const T* w, T* all_packed, bool over_channels) const {
    const index_t columns = over_channels ? g_.o : group.depth, k_count = over_channels ? group.depth : g_.o, filter_size = g_.r * g_.s * g_.c;
    const int tap_count = static_cast<int>(group.taps_h * group.taps_w);
    const ThreadMemory<T> memory(context_, tap_count * channel_step * TileKernels<T>::max_columns);
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t block = 0; block < k_count / channel_step; ++block) {
      const index_t k = block * channel_step;
      products_.for_panels(columns, [&](index_t column, index_t width) {
        const T* packed_taps[max_positions];
        T* taps[max_positions];
        T* lines[max_positions];
        T* const to = memory.own();
        for (int i = 0; i < tap_count; ++i) packed_taps[i] = to + i * channel_step * width;
        if (over_channels) {
          layout_.taps_of(group, group.phases[k / g_.c], writable(w), column, taps);
          for (int i = 0; i < tap_count; ++i) transpose_block(taps[i] + k % g_.c, filter_size, width, channel_step, to + i * channel_step * width, width);
        } else {
          for (index_t n = column, part; n < column + width; n += part) {  // the columns of one phase
            const index_t channel = n % g_.c;
            part = std::min(column + width - n, g_.c - channel);
            layout_.taps_of(group, group.phases[n / g_.c], writable(w), k, taps);
            for (int i = 0; i < tap_count; ++i)
              for (index_t j = 0; j < channel_step; ++j) pack_row(taps[i] + j * filter_size + channel, part, part, to + (i * channel_step + j) * width + n - column);
          }
        }
        for (int position = 0; position < group.positions(); ++position)
          lines[position] = all_packed + group.filters_at + position * group.depth * g_.o + column * k_count + k * width;
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
        layout_.taps_of(group, group.phases[phase], dw, filter, taps);
        for (int position = 0; position < group.positions(); ++position) lines[position] = mapped + (position * g_.o + filter) * group.depth + phase * g_.c;
        map_tile(group.down.large.maps->filter_adjoint, group.across.large.maps->filter_adjoint, lines, taps, g_.c, accumulate);
      }
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  FilteringLayout<T> layout_;
  FilteringProducts<T> products_;
  index_t most_images_ = 0;  // at once, of all threads
};

}  // namespace nash::cpu
