// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "nash/kernels/cpu/backward_phase.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/split_images.hpp"
#include "nash/kernels/cpu/split_panel.hpp"

namespace nash::cpu {

/// Convolutions of floats on tile registers. The images are split into tiles once, pixel by pixel with sixteen or 32 of the batch together, and
/// every tap of every result reads them where they lie; taps on the padding are left out.
///
///     forward           y[place] = Σ over taps of x[pixel of the tap] · filters[tap], [32 images × C] · [C × 32 filters] each
///     backward_data     the same of dy, for each phase of the pixels within the stride, with the taps that meet that phase
///     backward_weights  dw[tap] = Σ over places of dy[place]ᵀ · x[pixel of the tap], [32 filters × 32 images] · [32 images × 32 channels] each
class SplitConvolution {
 public:
  /// Whether there are tile registers, and they would be well filled.
  NASH_COLD static bool suits(const Context<Cpu>& context, const Conv2dGeometry& g) {
    if (context.instruction_set() < InstructionSet::amx || g.r * g.s > most_taps) return false;
    const auto filled = [](index_t size, index_t step) { return static_cast<double>(size) / static_cast<double>((size + step - 1) / step * step); };
    return filled(g.n, split::tile_edge) * filled(g.c, split::block) * filled(g.o, split::block) >= least_filled;
  }

  NASH_COLD SplitConvolution(Context<Cpu>& context, const Conv2dGeometry& g) : context_(context), g_(g) {}

  NASH_COLD void forward(const float* x, const float* w, float* y, const float* bias, const Epilogue<float>& epilogue) {
    const Windows windows = Windows::of(g_);
    const TransposedColumns<float> filters(w, g_.o, windows.taps());
    const GridPixels<float> results(y, g_);
    std::optional<Sweep> sweep(std::in_place, windows, filters, results, g_.o);
    run({&sweep, 1}, x, bias, epilogue);
  }

  NASH_COLD void backward_data(const float* dy, const float* w, float* dx, const float* bias, const Epilogue<float>& epilogue) {
    const index_t phases = g_.stride_h * g_.stride_w;
    for (index_t first = 0; first < phases; first += most_sweeps) {
      const index_t count = std::min<index_t>(most_sweeps, phases - first);
      std::optional<BackwardPhase<float>> together[most_sweeps];
      std::optional<Sweep> sweeps[most_sweeps];
      for (index_t i = 0; i < count; ++i) {
        const auto& phase = together[i].emplace(g_, (first + i) / g_.stride_w, (first + i) % g_.stride_w, w, dx);
        sweeps[i].emplace(phase.windows, phase.filters, phase.pixels, g_.c);
      }
      run({sweeps, static_cast<std::size_t>(count)}, dy, bias, epilogue);
    }
  }

  NASH_COLD void backward_weights(const float* x, const float* dy, float* dw, bool accumulate) {
    const ImageTiles pixels(g_.n, g_.h * g_.w, g_.c), places(g_.n, g_.p() * g_.q(), g_.o);
    const index_t all = pixels.image_blocks(), chunk = std::clamp<index_t>(most_values / (pixels.block_size() + places.block_size()), 1, all);
    const auto memory = context_.template scratch<Bfloat16>(chunk * (pixels.block_size() + places.block_size()));
    Bfloat16 *const right = memory.data(), *const left = right + chunk * pixels.block_size();
    index_t tap_rows = g_.r, panels = std::min(most_panels, places.panels());
    const auto blocks = [&] { return divide_up(places.panels(), panels) * pixels.panels() * divide_up(g_.r, tap_rows); };
    while (blocks() < wanted_tasks && panels * tap_rows > 1) (panels > 1 ? panels : tap_rows) /= 2;
    const index_t tasks = blocks(), row_blocks = divide_up(g_.r, tap_rows), sums_size = panels * tap_rows * g_.s * product_size;
    const auto sums = context_.template scratch<float>(context_.threads() * sums_size);
    const index_t pixel_count = g_.h * g_.w, place_count = g_.p() * g_.q();
    for (index_t first = 0; first < all; first += chunk) {
      const index_t count = std::min(chunk, all - first), image = first * split::block;
      const ImageTiles right_tiles(g_.n - image, pixel_count, g_.c), left_tiles(g_.n - image, place_count, g_.o);
#pragma omp parallel num_threads(context_.threads())
      {
#pragma omp for schedule(static) nowait
        for (index_t i = 0; i < count * pixel_count; ++i)
          right_tiles.split_pixel(x + image * pixel_count * g_.c, i / pixel_count, i % pixel_count, false, right);
#pragma omp for schedule(static)
        for (index_t i = 0; i < count * place_count; ++i)
          left_tiles.split_pixel(dy + image * place_count * g_.o, i / place_count, i % place_count, true, left);
        const split::TileRegisters registers;
#pragma omp for schedule(dynamic)
        for (index_t task = 0; task < tasks; ++task) {
          float* const own = sums.data() + this_thread() * sums_size;
          const index_t panel = task / row_blocks, first_filters = panel / pixels.panels() * panels, channels = panel % pixels.panels();
          const index_t filters = std::min(panels, places.panels() - first_filters);
          const Taps taps{task % row_blocks * tap_rows, std::min(g_.r, (task % row_blocks + 1) * tap_rows)};
          std::fill_n(own, sums_size, 0.0f);
          for (index_t block = 0; block < count; ++block)
            sum_products(left_tiles.at(left, block, first_filters, 0), left_tiles.panel_size(), filters, right_tiles.at(right, block, channels, 0), taps, own);
          for (index_t i = 0; i < filters; ++i)
            put_filters(own + i * taps.rows() * g_.s * product_size, (first_filters + i) * split::panel_rows, channels * split::panel_columns, taps, dw,
                        accumulate || first > 0);
        }
      }
    }
  }

 private:
  using Bfloat16 = split::Bfloat16;
  static constexpr double least_filled = 0.6;     // of the tiles, below which other ways are as quick
  static constexpr index_t most_taps = 64;
  static constexpr index_t most_blocks = 64;      // of k for a tile of results at a time
  static constexpr index_t most_sweeps = 4;
  static constexpr index_t most_panels = 4;       // of filters that the gradient of the weights does at a time
  static constexpr index_t product_size = split::panel_rows * split::panel_columns;
  static constexpr index_t most_values = 1 << 24; // of images in tiles at a time
  static constexpr index_t near_bytes = 3 << 19;  // of what is multiplied again and again, which stays in the second cache
  static constexpr index_t wanted_tasks = 8, wanted_places = 16;

  static index_t divide_up(index_t value, index_t by) { return (value + by - 1) / by; }

  /// A product of the windows of all images with filters, and how it is cut: tasks of one row of results, for two blocks of images and some
  /// panels of filters, which go through the channels in slices, so that a slice of the filters stays near.
  struct Sweep {
    Windows windows;
    const RightOperand<float>& filters;
    const ProductOutput<float>& output;
    index_t columns, taps, depth, panels, rows_at_once, panels_at_once, slice;
    Bfloat16* packed = nullptr;

    Sweep(const Windows& v, const RightOperand<float>& right, const ProductOutput<float>& results, index_t n)
        : windows(v), filters(right), output(results), columns(n), taps(v.r * v.s), depth(divide_up(v.c, split::block)),
          panels(divide_up(n, split::panel_columns)) {
      const index_t tap_bytes = 2 * split::group_values * index_t{sizeof(Bfloat16)}, block_bytes = std::max<index_t>(1, taps) * tap_bytes;
      const index_t pairs = divide_up(v.n, split::panel_rows);
      rows_at_once = std::max<index_t>(1, v.grid_h), panels_at_once = std::clamp<index_t>(near_bytes / 2 / block_bytes, 1, panels);
      while (tasks(pairs) < wanted_tasks) {
        if (rows_at_once > 1 && rows_at_once * v.grid_w >= 2 * wanted_places)
          rows_at_once = divide_up(rows_at_once, 2);
        else if (panels_at_once > 2)
          panels_at_once = divide_up(panels_at_once, 2);
        else if (rows_at_once > 1)
          rows_at_once = divide_up(rows_at_once, 2);
        else
          break;
      }
      panels_at_once = divide_up(panels, column_blocks());
      const index_t slice_bytes = block_bytes * panels_at_once + v.r * v.w * tap_bytes;
      slice = std::clamp<index_t>(std::min(near_bytes / slice_bytes, most_blocks / std::max<index_t>(1, taps)), 1, depth);
    }

    index_t column_blocks() const { return divide_up(panels, panels_at_once); }
    index_t row_blocks() const { return divide_up(windows.grid_h, rows_at_once); }
    index_t tasks(index_t pairs) const { return pairs * row_blocks() * column_blocks(); }
    index_t width(index_t panel) const { return columns - panel * split::panel_columns > split::tile_edge ? split::panel_columns : split::tile_edge; }
    index_t panel_size() const { return taps * depth * 2 * split::group_values; }
    index_t packed_floats() const { return panels * panel_size() / 2; }
    index_t pack_tasks() const { return panels * depth; }

    /// A panel of filters for a block of channels, all taps.
    void pack(index_t task, Bfloat16* to) const {
      const index_t panel = task / depth, block = task % depth, channel = block * split::block, count = std::min(split::block, windows.c - channel);
      const index_t group = width(panel) / split::tile_edge * split::group_values;
      for (index_t tap = 0; tap < taps; ++tap) {
        const index_t k = tap * windows.c + channel;
        split_right_operand(filters, {k, k + count}, panel * split::panel_columns, width(panel), to + panel * panel_size() + (block * taps + tap) * group);
      }
    }
  };

  void run(std::span<std::optional<Sweep>> sweeps, const float* images, const float* bias, const Epilogue<float>& epilogue) {
    const Windows& v = sweeps[0]->windows;  // all have the same images
    std::optional<PackedFilters<float>> packed[most_sweeps];
    for (std::size_t i = 0; i < sweeps.size(); ++i) {
      FilterStore::Form form{static_cast<index_t>(FilterForm::split)};
      const float* const source = sweeps[i]->filters.source(form);
      sweeps[i]->packed = as_tiles(packed[i].emplace(context_, source, form, sweeps[i]->packed_floats()).data());
    }
    const ChannelTiles all(v.n, v.h * v.w, v.c);
    const index_t chunk = std::clamp<index_t>(most_values / all.pair_size(), 1, all.pairs()), pixels = v.h * v.w;
    const auto memory = context_.template scratch<Bfloat16>(chunk * all.pair_size()), zeros = context_.template scratch<Bfloat16>(split::group_values);
    std::fill_n(zeros.data(), split::group_values, Bfloat16{0});
#pragma omp parallel num_threads(context_.threads())
    {
      for (std::size_t i = 0; i < sweeps.size(); ++i) {
        if (packed[i]->are_packed()) continue;
#pragma omp for schedule(static) nowait
        for (index_t task = 0; task < sweeps[i]->pack_tasks(); ++task) sweeps[i]->pack(task, sweeps[i]->packed);
      }
      for (index_t first = 0; first < all.pairs(); first += chunk) {
        const index_t image = first * split::panel_rows, pairs = std::min(chunk, all.pairs() - first);
        const ChannelTiles tiles(v.n - image, pixels, v.c);
#pragma omp for schedule(static)
        for (index_t i = 0; i < pairs * pixels; ++i)
          tiles.split_pixel(images + image * pixels * v.c, i / pixels, i % pixels, as_floats(zeros.data()), memory.data());
        {
          const split::TileRegisters registers;
          for (std::optional<Sweep>& sweep : sweeps) {
#pragma omp for schedule(static) nowait
            for (index_t task = 0; task < sweep->tasks(pairs); ++task) multiply(*sweep, task, tiles, memory.data(), zeros.data(), image, bias, epilogue);
          }
        }
#pragma omp barrier
      }
    }
    for (std::size_t i = 0; i < sweeps.size(); ++i) packed[i]->set_packed();
  }

  /// One task of a sweep. `tiles` are of the images from `image` on.
  void multiply(const Sweep& sweep, index_t task, const ChannelTiles& tiles, const Bfloat16* left, const Bfloat16* zeros, index_t image, const float* bias,
                const Epilogue<float>& epilogue) const {
    const Windows& v = sweep.windows;
    const index_t first_panel = task % sweep.column_blocks() * sweep.panels_at_once, last_panel = std::min(sweep.panels, first_panel + sweep.panels_at_once);
    const index_t line = task / sweep.column_blocks(), pair = line / sweep.row_blocks(), first_row = line % sweep.row_blocks() * sweep.rows_at_once;
    const index_t first_image = image + pair * split::panel_rows, images = std::min(split::panel_rows, v.n - first_image);
    const bool whole = tiles.is_whole(pair);  // else two places of the same sixteen images make a panel
    const index_t columns_at_once = whole ? 1 : 2, steps = divide_up(v.grid_w, columns_at_once), rows_here = std::min(sweep.rows_at_once, v.grid_h - first_row);
    for (index_t depth = 0; depth < sweep.depth; depth += sweep.slice)
      for (index_t step = 0; step < rows_here * steps; ++step) {
        const index_t row = first_row + step / steps, column = step % steps * columns_at_once;
        const index_t slice = std::min(sweep.slice, sweep.depth - depth);
        split::Block blocks[most_blocks];
        int count = 0;
        for (index_t r = 0; r < v.r; ++r)
          for (index_t s = 0; s < v.s; ++s) {
            const index_t h = row * v.stride_h + v.first_h + r, w = column * v.stride_w + v.first_w + s, next_w = whole ? w : w + v.stride_w;
            const auto source = [&](index_t at, index_t half) {
              return h >= 0 && h < v.h && at >= 0 && at < v.w ? tiles.at(left, pair, h * v.w + at, half) + depth * split::group_values : nullptr;
            };
            const Bfloat16 *const upper = source(w, 0), *const lower = source(next_w, whole ? 1 : 0);
            if (upper == nullptr && lower == nullptr) continue;
            for (index_t i = 0; i < slice; ++i)
              blocks[count++] = {upper != nullptr ? upper + i * split::group_values : zeros, lower != nullptr ? lower + i * split::group_values : zeros,
                                 (depth + i) * sweep.taps + r * v.s + s};
          }
        float* rows[split::panel_rows];
        const index_t place = row * v.grid_w + column, upper_rows = std::min(images, split::tile_edge);
        const index_t lower_rows = whole ? images - upper_rows : column + 1 < v.grid_w ? images : 0;
        sweep.output.rows(place * v.n + first_image, upper_rows, rows);
        if (lower_rows > 0) sweep.output.rows(whole ? place * v.n + first_image + upper_rows : (place + 1) * v.n + first_image, lower_rows, rows + upper_rows);
        for (index_t panel = first_panel; panel < last_panel; ++panel) {
          alignas(64) float product[product_size];
          const index_t begin = panel * split::panel_columns, columns = std::min(split::panel_columns, sweep.columns - begin);
          split::multiply_blocks(lower_rows > 0, sweep.width(panel) > split::tile_edge, blocks, count, sweep.packed + panel * sweep.panel_size(), product);
          const float* const start = bias != nullptr ? bias + begin : nullptr;
          split::put_rows(product, rows, upper_rows, begin, columns, start, depth > 0);
          split::put_rows(product + split::tile_edge * split::panel_columns, rows + upper_rows, lower_rows, begin, columns, start, depth > 0);
        }
        if (depth + slice < sweep.depth) continue;
        const index_t begin = first_panel * split::panel_columns, end = std::min(sweep.columns, last_panel * split::panel_columns);
        for (index_t i = 0; i < upper_rows + lower_rows; ++i) epilogue.apply(rows[i] + begin, end - begin);
      }
  }

  /// Rows [first, last) of a filter's taps.
  struct Taps {
    index_t first, last;

    index_t rows() const { return last - first; }
  };

  /// sums[filters / 32][tap] += dyᵀ·x over all places and 32 images, for some panels of 32 filters, and 32 channels. Some rows of places at a time,
  /// so that what all taps read stays near.
  void sum_products(const Bfloat16* left, index_t left_panel_size, index_t filters, const Bfloat16* right, Taps taps, float* sums) const {
    const index_t rows = std::clamp<index_t>(wanted_places / g_.q(), 1, g_.p());
    for (index_t first = 0; first < g_.p(); first += rows)
      for (index_t panel = 0; panel < filters; ++panel)
        for (index_t tap = 0; tap < taps.rows() * g_.s; ++tap) {
          const index_t r = taps.first + tap / g_.s, s = tap % g_.s;
          split::Block blocks[most_blocks];
          int count = 0;
          const auto add = [&] {
            alignas(64) float product[product_size];
            split::multiply_blocks(true, true, blocks, count, right, product);
            split::add_product(product, sums + (panel * taps.rows() * g_.s + tap) * product_size);
            count = 0;
          };
          for (index_t p = first; p < std::min(g_.p(), first + rows); ++p) {
            const index_t h = p * g_.stride_h - g_.padding_h + r;
            if (h < 0 || h >= g_.h) continue;
            for (index_t q = 0; q < g_.q(); ++q) {
              const index_t w = q * g_.stride_w - g_.padding_w + s;
              if (w < 0 || w >= g_.w) continue;
              if (count == most_blocks) add();
              const Bfloat16* const upper = left + panel * left_panel_size + (p * g_.q() + q) * 2 * split::group_values;
              blocks[count++] = {upper, upper + split::group_values, h * g_.w + w};
            }
          }
          if (count > 0) add();
        }
  }

  /// dw (+)= the sums of some taps, for 32 filters and 32 channels at most.
  void put_filters(const float* sums, index_t filter, index_t channel, Taps taps, float* dw, bool accumulate) const {
    const index_t rows = std::min(split::panel_rows, g_.o - filter), columns = std::min(split::panel_columns, g_.c - channel);
    for (index_t tap = 0; tap < taps.rows() * g_.s; ++tap, sums += product_size) {
      float* to[split::panel_rows];
      for (index_t i = 0; i < rows; ++i) to[i] = dw + (((filter + i) * g_.r + taps.first) * g_.s + tap) * g_.c + channel;
      split::put_rows(sums, to, rows, 0, columns, nullptr, accumulate);
    }
  }

  static Bfloat16* as_tiles(float* memory) { return static_cast<Bfloat16*>(static_cast<void*>(memory)); }
  static const float* as_floats(const Bfloat16* memory) { return static_cast<const float*>(static_cast<const void*>(memory)); }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
};

}  // namespace nash::cpu
