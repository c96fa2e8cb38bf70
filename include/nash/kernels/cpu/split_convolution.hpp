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
    return filled(g.n, split::tile_edge) * filled(g.c, split::block_depth) * filled(g.o, split::block_depth) >= least_filled;
  }

  NASH_COLD SplitConvolution(Context<Cpu>& context, const Conv2dGeometry& g) : context_(context), g_(g) {}

  NASH_COLD void forward(const float* x, const float* w, float* y, const float* bias, const Epilogue<float>& epilogue) {
    const Windows windows = Windows::of(g_);
    const TransposedColumns<float> filters(w, g_.o, windows.taps());
    const GridPixels<float> results(y, g_);
    std::optional<Sweep> sweep(std::in_place, windows, filters, results, g_.o, context_.threads());
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
        sweeps[i].emplace(phase.windows, phase.filters, phase.pixels, g_.c, context_.threads());
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
    while (!is_balanced(blocks(), context_.threads()) && panels * tap_rows > 1) (panels > 1 ? panels : tap_rows) /= 2;
    const index_t tasks = blocks(), row_blocks = divide_up(g_.r, tap_rows), sums_size = panels * tap_rows * g_.s * product_size;
    const auto sums = context_.template scratch<float>(context_.threads() * sums_size);
    const index_t pixel_count = g_.h * g_.w, place_count = g_.p() * g_.q();
    for (index_t first = 0; first < all; first += chunk) {
      const index_t count = std::min(chunk, all - first), image = first * split::block_depth;
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
          sum_products({left_tiles.at(left, 0, first_filters, 0), left_tiles.block_size(), left_tiles.panel_size()}, filters,
                       {right_tiles.at(right, 0, channels, 0), right_tiles.block_size(), 0}, count, taps, own);
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
  static constexpr index_t near_bytes = 1 << 20;  // of what is multiplied again and again, which stays in the second cache
  static constexpr index_t wanted_places = 16;    // for a tile of the gradient of the weights at a time, or more

  static index_t divide_up(index_t value, index_t by) { return (value + by - 1) / by; }
  /// Whether so many equal tasks keep all threads busy.
  static bool is_balanced(index_t tasks, index_t threads) { return tasks % threads == 0 || tasks >= 4 * threads; }

  /// A product of the windows of all images with filters, and how it is cut: tasks of one row of results, for two blocks of images and some
  /// panels of filters, which go through the channels in slices, so that a slice of the filters stays near.
  struct Sweep {
    Windows windows;
    const RightOperand<float>& filters;
    const ProductOutput<float>& output;
    index_t columns, taps, depth, panels, slice, panels_near, rows_at_once, panels_at_once;
    Bfloat16* packed = nullptr;

    Sweep(const Windows& v, const RightOperand<float>& right, const ProductOutput<float>& results, index_t n, int threads)
        : windows(v), filters(right), output(results), columns(n), taps(v.r * v.s), depth(divide_up(v.c, split::block_depth)),
          panels(divide_up(n, split::panel_columns)) {
      const index_t tap_bytes = 2 * split::group_values * index_t{sizeof(Bfloat16)}, filter_bytes = std::max<index_t>(1, taps) * tap_bytes;
      const index_t window_bytes = v.r * v.w * tap_bytes;
      panels_near = std::clamp<index_t>((near_bytes - window_bytes) / filter_bytes, 1, panels);
      slice = std::clamp<index_t>(std::min(near_bytes / (filter_bytes * panels_near + window_bytes), most_blocks / std::max<index_t>(1, taps)), 1, depth);
      const index_t pairs = divide_up(v.n, split::panel_rows);
      rows_at_once = std::max<index_t>(1, v.grid_h), panels_at_once = panels;
      while (!is_balanced(tasks(pairs), threads)) {
        const bool many_filters = panels_at_once * taps > rows_at_once * v.stride_h * v.w;
        if (panels_at_once > 1 && (many_filters || rows_at_once == 1))
          panels_at_once = divide_up(panels_at_once, 2);
        else if (rows_at_once > 1)
          rows_at_once = divide_up(rows_at_once, 2);
        else
          break;
      }
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
      const index_t panel = task / depth, block = task % depth, channel = block * split::block_depth, count = std::min(split::block_depth, windows.c - channel);
      const index_t group = width(panel) / split::tile_edge * split::group_values;
      for (index_t tap = 0; tap < taps; ++tap) {
        const index_t k = tap * windows.c + channel;
        split_right_operand(filters, {k, k + count}, panel * split::panel_columns, width(panel), false, to + panel * panel_size() + (block * taps + tap) * group);
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
      for (index_t panel = first_panel; panel < last_panel; panel += sweep.panels_near)
        for (index_t step = 0; step < rows_here * steps; ++step) {
          const Place place{pair, first_row + step / steps, step % steps * columns_at_once, whole};
          multiply(sweep, place, depth, panel, std::min(last_panel, panel + sweep.panels_near), tiles, left, zeros, first_image, images, bias, epilogue);
        }
  }

  /// A place in the grid of results, for a pair of blocks of images; the next one too, where the pair is not whole.
  struct Place {
    index_t pair, row, column;
    bool whole;
  };

  /// The results of a place in some panels of filters, from a slice of the channels.
  void multiply(const Sweep& sweep, const Place& place, index_t depth, index_t first_panel, index_t last_panel, const ChannelTiles& tiles, const Bfloat16* left,
                const Bfloat16* zeros, index_t first_image, index_t images, const float* bias, const Epilogue<float>& epilogue) const {
    const Windows& v = sweep.windows;
    const index_t slice = std::min(sweep.slice, sweep.depth - depth);
    split::Block blocks[most_blocks];
    int count = 0;
    for (index_t r = 0; r < v.r; ++r) {
      const index_t h = place.row * v.stride_h + v.first_h + r;
      if (h < 0 || h >= v.h) continue;
      for (index_t s = 0; s < v.s; ++s) {
        const index_t w = place.column * v.stride_w + v.first_w + s, next_w = place.whole ? w : w + v.stride_w;
        const bool has_upper = w >= 0 && w < v.w, has_lower = next_w >= 0 && next_w < v.w;
        if (!has_upper && !has_lower) continue;
        for (index_t i = 0; i < slice; ++i)
          blocks[count++] = {has_upper ? tiles.at(left, place.pair, depth + i, h * v.w + w, 0) : zeros,
                             has_lower ? tiles.at(left, place.pair, depth + i, h * v.w + next_w, place.whole ? 1 : 0) : zeros, (depth + i) * sweep.taps + r * v.s + s};
      }
    }
    float* rows[split::panel_rows];
    const index_t at = (place.row * v.grid_w + place.column) * v.n + first_image, upper_rows = std::min(images, split::tile_edge);
    const index_t lower_rows = place.whole ? images - upper_rows : place.column + 1 < v.grid_w ? images : 0;
    sweep.output.rows(at, upper_rows, rows);
    if (lower_rows > 0) sweep.output.rows(place.whole ? at + upper_rows : at + v.n, lower_rows, rows + upper_rows);
    for (index_t panel = first_panel; panel < last_panel; ++panel) {
      alignas(64) float product[product_size];
      const index_t begin = panel * split::panel_columns, columns = std::min(split::panel_columns, sweep.columns - begin);
      split::multiply_blocks(lower_rows > 0, sweep.width(panel) > split::tile_edge, blocks, count, sweep.packed + panel * sweep.panel_size(), product);
      const float* const start = bias != nullptr ? bias + begin : nullptr;
      split::put_rows(product, rows, upper_rows, begin, columns, start, depth > 0);
      split::put_rows(product + split::tile_edge * split::panel_columns, rows + upper_rows, lower_rows, begin, columns, start, depth > 0);
    }
    if (depth + slice < sweep.depth) return;
    const index_t begin = first_panel * split::panel_columns, end = std::min(sweep.columns, last_panel * split::panel_columns);
    for (index_t i = 0; i < upper_rows + lower_rows; ++i) epilogue.apply(rows[i] + begin, end - begin);
  }

  /// Rows [first, last) of a filter's taps.
  struct Taps {
    index_t first, last;

    index_t rows() const { return last - first; }
  };

  /// Where the tiles of a batch begin, and the steps to the next 32 images and the next 32 filters.
  struct TilesOfImages {
    const Bfloat16* first;
    index_t image_step, panel_step;
  };

  /// sums[filters / 32][tap] += dyᵀ·x over all places of so many blocks of images, for some panels of 32 filters, and 32 channels. Some rows of
  /// places at a time, so that what all taps read stays near; where they are few, of several blocks of images.
  void sum_products(const TilesOfImages& left, index_t filters, const TilesOfImages& right, index_t image_blocks, Taps taps, float* sums) const {
    const index_t rows = std::clamp<index_t>(wanted_places / g_.q(), 1, g_.p()), images = std::max<index_t>(1, wanted_places / (g_.p() * g_.q()));
    for (index_t image = 0; image < image_blocks; image += images)
      for (index_t first = 0; first < g_.p(); first += rows)
        for (index_t panel = 0; panel < filters; ++panel)
          for (index_t tap = 0; tap < taps.rows() * g_.s; ++tap)
            sum_products(left, panel, right, image, std::min(image_blocks, image + images), first, std::min(g_.p(), first + rows), taps.first + tap / g_.s, tap % g_.s,
                         sums + (panel * taps.rows() * g_.s + tap) * product_size);
  }

  /// The part of some blocks of images and rows of places in the sums of one tap.
  void sum_products(const TilesOfImages& left, index_t panel, const TilesOfImages& right, index_t first_image, index_t last_image, index_t first, index_t last,
                    index_t r, index_t s, float* sums) const {
    split::Block blocks[most_blocks];
    int count = 0;
    const auto add = [&] {
      alignas(64) float product[product_size];
      split::multiply_blocks(true, true, blocks, count, right.first, product);
      split::add_product(product, sums);
      count = 0;
    };
    for (index_t image = first_image; image < last_image; ++image)
      for (index_t p = first; p < last; ++p) {
        const index_t h = p * g_.stride_h - g_.padding_h + r;
        if (h < 0 || h >= g_.h) continue;
        for (index_t q = 0; q < g_.q(); ++q) {
          const index_t w = q * g_.stride_w - g_.padding_w + s;
          if (w < 0 || w >= g_.w) continue;
          if (count == most_blocks) add();
          const Bfloat16* const upper = left.first + image * left.image_step + panel * left.panel_step + (p * g_.q() + q) * 2 * split::group_values;
          blocks[count++] = {upper, upper + split::group_values, image * (right.image_step / (2 * split::group_values)) + h * g_.w + w};
        }
      }
    if (count > 0) add();
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
