// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/backward_phase.hpp"
#include "nash/kernels/cpu/image_tiles.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"
#include "nash/kernels/cpu/window_sweep.hpp"

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
    if (context.instruction_set() < InstructionSet::amx || g.r * g.s > WindowProduct::most_blocks) return false;
    return split::filled(g.n, split::tile_edge) * split::filled(g.c, split::block_depth) * split::filled(g.o, split::block_depth) >= split::least_filled;
  }

  /// backward_weights has at most `most_values` bfloat16 of images there at once, but 32 images at least.
  NASH_COLD SplitConvolution(Context<Cpu>& context, const Conv2dGeometry& g, index_t most_values = 1 << 24) : context_(context), g_(g), most_values_(most_values) {}

  NASH_COLD void forward(const float* x, const float* w, float* y, const float* bias, const Epilogue<float>& epilogue) {
    const Windows windows = Windows::of(g_);
    const TransposedColumns<float> filters(w, g_.o, windows.taps());
    const GridPixels<float> results(y, g_);
    std::optional<WindowProduct> product(std::in_place, windows, filters, results, g_.o);
    WindowSweep(context_, {&product, 1}).run(x, bias, epilogue);
  }

  NASH_COLD void backward_data(const float* dy, const float* w, float* dx, const float* bias, const Epilogue<float>& epilogue) {
    const index_t phases = g_.stride_h * g_.stride_w;
    constexpr index_t most = WindowSweep::most_products;
    for (index_t first = 0; first < phases; first += most) {
      const index_t count = std::min(most, phases - first);
      std::optional<BackwardPhase<float>> together[most];
      std::optional<WindowProduct> products[most];
      for (index_t i = 0; i < count; ++i) {
        const auto& phase = together[i].emplace(g_, (first + i) / g_.stride_w, (first + i) % g_.stride_w, w, dx);
        products[i].emplace(phase.windows, phase.filters, phase.pixels, g_.c);
      }
      WindowSweep(context_, {products, static_cast<std::size_t>(count)}).run(dy, bias, epilogue);
    }
  }

  NASH_COLD void backward_weights(const float* x, const float* dy, float* dw, bool accumulate) {
    const ImageTiles pixels(g_.n, g_.h, g_.w, g_.c, g_.stride_w), places(g_.n, g_.p(), g_.q(), g_.o, 1);
    const index_t all = pixels.image_blocks(), chunk = std::clamp<index_t>(most_values_ / (pixels.block_size() + places.block_size()), 1, all);
    const auto memory = context_.template scratch<Bfloat16>(chunk * (pixels.block_size() + places.block_size()));
    Bfloat16 *const right = memory.data(), *const left = right + chunk * pixels.block_size();
    index_t tap_rows = g_.r, panels = std::min(most_panels, places.panels());
    const auto blocks = [&] { return divide_up(places.panels(), panels) * pixels.panels() * divide_up(g_.r, tap_rows); };
    // Filters that are done together read the same pixels; fewer of them, and then fewer taps, make tasks for all threads.
    while (!split::is_balanced(blocks(), context_.threads()) && panels * tap_rows > 1) (panels > 1 ? panels : tap_rows) /= 2;
    const index_t tasks = blocks(), row_blocks = divide_up(g_.r, tap_rows), sums_size = panels * tap_rows * g_.s * split::product_values;
    const ThreadMemory<float> sums(context_, sums_size);
    for (index_t first = 0; first < all; first += chunk) {
      const index_t count = std::min(chunk, all - first), image = first * split::block_depth;
      const bool pairs = pixels.has_pairs();
      const ImageTiles right_tiles(g_.n - image, g_.h, g_.w, g_.c, pairs ? g_.stride_w : 0), left_tiles(g_.n - image, g_.p(), g_.q(), g_.o, pairs ? 1 : 0);
#pragma omp parallel num_threads(context_.threads())
      {
#pragma omp for schedule(static) nowait
        for (index_t i = 0; i < count * pixels.pixels(); ++i)
          right_tiles.split_pixel(x + image * g_.h * g_.w * g_.c, i / pixels.pixels(), i % pixels.pixels(), false, right);
#pragma omp for schedule(static)
        for (index_t i = 0; i < count * places.pixels(); ++i)
          left_tiles.split_pixel(dy + image * g_.p() * g_.q() * g_.o, i / places.pixels(), i % places.pixels(), true, left);
        const split::TileRegisters registers;
#pragma omp for schedule(dynamic)
        for (index_t task = 0; task < tasks; ++task) {
          float* const own = sums.own();
          const index_t panel = task / row_blocks, first_filters = panel / pixels.panels() * panels, channels = panel % pixels.panels();
          const index_t filters = std::min(panels, places.panels() - first_filters);
          const Taps taps{task % row_blocks * tap_rows, std::min(g_.r, (task % row_blocks + 1) * tap_rows)};
          std::fill_n(own, sums_size, 0.0f);
          sum_products({left_tiles, left + first_filters * places.panel_size()}, filters, {right_tiles, right + channels * pixels.panel_size()}, count, taps, own);
          for (index_t i = 0; i < filters; ++i)
            put_filters(own + i * taps.rows() * g_.s * split::product_values, (first_filters + i) * split::panel_rows, channels * split::panel_columns, taps, dw,
                        accumulate || first > 0);
        }
      }
    }
  }

 private:
  using Bfloat16 = split::Bfloat16;
  static constexpr index_t most_blocks = 64;      // of k for a tile of results at a time
  static constexpr index_t most_panels = 4;       // of filters that the gradient of the weights does at a time
  static constexpr index_t wanted_places = 16;    // for a tile of the gradient of the weights at a time, or more

  /// Rows [first, last) of a filter's taps.
  struct Taps {
    index_t first, last;

    index_t rows() const { return last - first; }
  };

  /// The tiles of a batch, from a panel of channels on.
  struct Tiles {
    const ImageTiles& layout;
    const Bfloat16* first;
  };

  /// sums[filters / 32][tap] += dyᵀ·x over all places of so many blocks of images, for some panels of 32 filters, and 32 channels. Some rows of
  /// places at a time, so that what all taps read stays near; where they are few, of several blocks of images.
  NASH_COLD void sum_products(const Tiles& left, index_t filters, const Tiles& right, index_t image_blocks, Taps taps, float* sums) const {
    const index_t rows = std::clamp<index_t>(wanted_places / g_.q(), 1, g_.p()), images = std::max<index_t>(1, wanted_places / (g_.p() * g_.q()));
    for (index_t image = 0; image < image_blocks; image += images)
      for (index_t first = 0; first < g_.p(); first += rows)
        for (index_t panel = 0; panel < filters; ++panel)
          for (index_t tap = 0; tap < taps.rows() * g_.s; ++tap)
            sum_products({left.layout, left.first + panel * left.layout.panel_size()}, right, image, std::min(image_blocks, image + images), first,
                         std::min(g_.p(), first + rows), taps.first + tap / g_.s, tap % g_.s, sums + (panel * taps.rows() * g_.s + tap) * split::product_values);
  }

  /// The part of some blocks of images and rows of places in the sums of one tap.
  NASH_COLD void sum_products(const Tiles& left, const Tiles& right, index_t first_image, index_t last_image, index_t first, index_t last, index_t r, index_t s,
                    float* sums) const {
    split::Block blocks[most_blocks];
    int count = 0;
    const auto add = [&] {
      alignas(64) float product[split::product_values];
      split::multiply_blocks(true, true, blocks, count, right.first, product);
      split::add_product(product, sums);
      count = 0;
    };
    const bool pairs = left.layout.has_pairs();
    for (index_t image = first_image; image < last_image; ++image)
      for (index_t p = first; p < last; ++p) {
        const index_t h = p * g_.stride_h - g_.padding_h + r;
        if (h < 0 || h >= g_.h) continue;
        for (index_t q = 0; q < g_.q(); q += pairs ? 2 : 1) {
          const index_t w = q * g_.stride_w - g_.padding_w + s;
          if ((w < 0 || w >= g_.w) && !(pairs && w + g_.stride_w >= 0 && w + g_.stride_w < g_.w)) continue;
          if (count == most_blocks) add();
          const Bfloat16* const upper = left.first + image * left.layout.block_size() + left.layout.pixel(p, q) * 2 * split::group_values;
          blocks[count++] = {upper, upper + split::group_values, image * (right.layout.block_size() / (2 * split::group_values)) + right.layout.pixel(h, w)};
        }
      }
    if (count > 0) add();
  }

  /// dw (+)= the sums of some taps, for 32 filters and 32 channels at most.
  NASH_COLD void put_filters(const float* sums, index_t filter, index_t channel, Taps taps, float* dw, bool accumulate) const {
    const index_t rows = std::min(split::panel_rows, g_.o - filter), columns = std::min(split::panel_columns, g_.c - channel);
    for (index_t tap = 0; tap < taps.rows() * g_.s; ++tap, sums += split::product_values) {
      float* to[split::panel_rows];
      for (index_t i = 0; i < rows; ++i) to[i] = dw + (((filter + i) * g_.r + taps.first) * g_.s + tap) * g_.c + channel;
      split::put_rows(sums, to, rows, 0, columns, nullptr, accumulate);
    }
  }

  Context<Cpu>& context_;
  Conv2dGeometry g_;
  index_t most_values_;
};

}  // namespace nash::cpu
