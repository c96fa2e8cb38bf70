// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "nash/kernels/cpu/thread_memory.hpp"
#include "nash/kernels/cpu/window_product.hpp"

namespace nash::cpu {

/// Several products with windows of the same images, one after the other at each row of results, so that the images are split into tiles once.
///
/// A task has sixteen or 32 images, some rows of results and some panels of filters. It goes through the channels in slices, so that the rows that
/// windows see and the filters stay in the second cache; how the tasks are cut changes no bit.
class WindowSweep {
 public:
  static constexpr std::size_t most_products = 4;
  /// At most most_products of them.
  using Products = std::span<std::optional<WindowProduct>>;

  NASH_COLD WindowSweep(Context<Cpu>& context, Products products)
      : context_(context), products_(products), v_(products[0]->v), depth_(products[0]->depth()), panels_(products[0]->panels()), first_row_(v_.first_h),
        last_row_(v_.first_h + v_.r) {
    constexpr index_t tap_bytes = 2 * split::group_values * index_t{sizeof(split::Bfloat16)};
    index_t taps = 0, most_taps = 1;
    for (const auto& product : products) {
      first_row_ = std::min(first_row_, product->v.first_h), last_row_ = std::max(last_row_, product->v.first_h + product->v.r);
      grid_h_ = std::max(grid_h_, product->v.grid_h);
      taps += product->taps(), most_taps = std::max(most_taps, product->taps());
    }
    const index_t window_bytes = window_rows() * v_.w * tap_bytes, filter_bytes = std::max<index_t>(1, taps) * tap_bytes;
    const index_t least_slice = std::min(depth_, divide_up(least_blocks, most_taps));
    panels_at_once_ = std::clamp<index_t>((near_bytes / least_slice - window_bytes) / filter_bytes, 1, panels_);
    panels_at_once_ = divide_up(panels_, divide_up(panels_, panels_at_once_));
    slice_ = std::clamp<index_t>(std::min(near_bytes / (window_bytes + panels_at_once_ * filter_bytes), WindowProduct::most_blocks / most_taps), 1, depth_);
    slice_ = divide_up(depth_, divide_up(depth_, slice_));  // of equal size
    rows_at_once_ = std::max<index_t>(1, grid_h_);
    while (!split::is_balanced(tasks(), context.threads())) {
      if (rows_at_once_ > 1 && (panels_at_once_ == 1 || rows_at_once_ * v_.stride_h > 2 * window_rows()))
        rows_at_once_ = divide_up(rows_at_once_, 2);
      else if (panels_at_once_ > 1)
        panels_at_once_ = divide_up(panels_at_once_, 2);
      else
        break;
    }
  }

  /// The results of all products, with a bias or null for none, and then the epilogue.
  NASH_COLD void run(const float* images, const float* bias, const Epilogue<float>& epilogue) {
    index_t split_tasks[most_products] = {};
    for (std::size_t i = 0; i < products_.size(); ++i) split_tasks[i] = products_[i]->place_filters(context_);
    const ThreadMemory<split::Bfloat16> memory(context_, SlidingTiles::size(v_, window_rows(), slice_));
    const auto zeros = context_.template scratch<float>(split::block_depth);             // for images
    const auto no_tiles = context_.template scratch<split::Bfloat16>(split::group_values);  // for pixels
    std::fill_n(zeros.data(), zeros.count(), 0.0f);
    std::fill_n(no_tiles.data(), no_tiles.count(), split::Bfloat16{0});
#pragma omp parallel num_threads(context_.threads())
    {
      for (std::size_t i = 0; i < products_.size(); ++i) {
#pragma omp for schedule(static) nowait
        for (index_t task = 0; task < split_tasks[i]; ++task) products_[i]->split_filters(task);
      }
#pragma omp barrier
      const split::TileRegisters registers;
#pragma omp for schedule(static)
      for (index_t task = 0; task < tasks(); ++task) run_task(task, images, zeros.data(), no_tiles.data(), memory.own(), bias, epilogue);
    }
    for (auto& product : products_) product->set_packed();
  }

 private:
  static constexpr index_t near_bytes = 5 << 18;  // what is multiplied again and again stays in the second cache
  static constexpr index_t least_blocks = 8;      // of k, beside which storing a product costs little

  index_t window_rows() const { return std::max<index_t>(1, last_row_ - first_row_); }
  index_t row_blocks() const { return divide_up(grid_h_, rows_at_once_); }
  index_t column_blocks() const { return divide_up(panels_, panels_at_once_); }
  index_t tasks() const { return divide_up(v_.n, split::panel_rows) * row_blocks() * column_blocks(); }

  NASH_COLD void run_task(index_t task, const float* images, const float* zeros, const split::Bfloat16* no_tiles, split::Bfloat16* memory,
                          const float* bias, const Epilogue<float>& epilogue) const {
    const index_t first_panel = task % column_blocks() * panels_at_once_, last_panel = std::min(panels_, first_panel + panels_at_once_);
    const index_t line = task / column_blocks(), first_image = line / row_blocks() * split::panel_rows, first = line % row_blocks() * rows_at_once_;
    SlidingTiles tiles(images, v_, first_image, window_rows(), zeros, memory);
    for (index_t block = 0; block < depth_; block += slice_) {
      const index_t depth = std::min(slice_, depth_ - block);
      tiles.start(block, depth);
      for (index_t row = first; row < std::min(grid_h_, first + rows_at_once_); ++row) {
        tiles.slide_to(row * v_.stride_h + first_row_, row * v_.stride_h + last_row_);
        for (const auto& product : products_)
          for (index_t column = 0; row < product->v.grid_h && column < product->v.grid_w; column += 3 - tiles.halves())
            product->multiply({row, column, first_image, block, depth, first_panel, last_panel}, tiles, no_tiles, bias, epilogue);
      }
    }
  }

  Context<Cpu>& context_;
  Products products_;
  const Windows& v_;  // of the first product: the others have the same images and strides
  index_t depth_, panels_;
  index_t first_row_, last_row_;  // that any window sees, for the first row of results
  index_t grid_h_ = 0, slice_ = 1, rows_at_once_ = 1, panels_at_once_ = 1;
};

}  // namespace nash::cpu
