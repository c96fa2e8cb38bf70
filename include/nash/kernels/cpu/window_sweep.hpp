// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/split_images.hpp"
#include "nash/kernels/cpu/split_panel.hpp"

namespace nash::cpu {

/// The product of the windows of images with filters, on tile registers: what a convolution is, or one phase of its backward_data.
class WindowProduct {
 public:
  WindowProduct(const Windows& windows, const RightOperand<float>& filters, const ProductOutput<float>& output, index_t columns)
      : v(windows), output_(output), filters_(filters), columns_(columns), depth_((v.c + split::block_depth - 1) / split::block_depth),
        panels_((columns + split::panel_columns - 1) / split::panel_columns) {}

  const Windows v;

  index_t taps() const { return v.r * v.s; }
  /// Of the channels, in blocks.
  index_t depth() const { return depth_; }
  /// Of 32 filters, or sixteen for the last.
  index_t panels() const { return panels_; }

  /// Finds the place for the filters in tiles; returns how many tasks it is to split them.
  NASH_COLD index_t place_filters(Context<Cpu>& context) {
    FilterStore::Form form{static_cast<index_t>(FilterForm::split)};
    const float* const source = filters_.source(form);
    packed_.emplace(context, source, form, panels_ * panel_size() / 2);
    tiles_ = static_cast<split::Bfloat16*>(static_cast<void*>(packed_->data()));
    return packed_->are_packed() ? 0 : panels_ * depth_;
  }
  /// A panel of filters for a block of channels, all taps.
  NASH_COLD void split_filters(index_t task) const {
    const index_t panel = task / depth_, block = task % depth_, channel = block * split::block_depth, count = std::min(split::block_depth, v.c - channel);
    const index_t group = width(panel) / split::tile_edge * split::group_values;
    for (index_t tap = 0; tap < taps(); ++tap) {
      const index_t k = tap * v.c + channel;
      split_right_operand(filters_, {k, k + count}, panel * split::panel_columns, width(panel), false, tiles_ + panel * panel_size() + (block * taps() + tap) * group);
    }
  }
  void set_packed() { packed_->set_packed(); }

  /// Some results of a place in the grid: from `depth` blocks of channels from `block` on, of the filters of some panels, for sixteen or 32 images.
  /// Sixteen have the next place done as well.
  struct Part {
    index_t row, column, first_image, block, depth, first_panel, last_panel;
  };
  NASH_COLD void multiply(const Part& part, const SlidingTiles& images, const split::Bfloat16* zeros, const float* bias, const Epilogue<float>& epilogue) const {
    const bool pair = images.halves() == 1;
    split::Block blocks[most_blocks];
    int count = 0;
    for (index_t r = 0; r < v.r; ++r) {
      const index_t h = part.row * v.stride_h + v.first_h + r;
      if (h < 0 || h >= v.h) continue;
      for (index_t s = 0; s < v.s; ++s) {
        const index_t upper = part.column * v.stride_w + v.first_w + s, lower = pair ? upper + v.stride_w : upper;
        const bool has_upper = upper >= 0 && upper < v.w, has_lower = lower >= 0 && lower < v.w;
        if (!has_upper && !has_lower) continue;
        for (index_t i = 0; i < part.depth; ++i)
          blocks[count++] = {has_upper ? images.at(h, upper, 0, i) : zeros, has_lower ? images.at(h, lower, pair ? 0 : 1, i) : zeros,
                             (part.block + i) * taps() + r * v.s + s};
      }
    }
    float* rows[split::panel_rows];
    const index_t in_tiles = std::min(split::panel_rows, v.n - part.first_image), upper_rows = std::min(in_tiles, split::tile_edge);
    const index_t lower_rows = !pair ? in_tiles - upper_rows : part.column + 1 < v.grid_w ? in_tiles : 0;
    const index_t at = (part.row * v.grid_w + part.column) * v.n + part.first_image;
    output_.rows(at, upper_rows, rows);
    if (lower_rows > 0) output_.rows(pair ? at + v.n : at + upper_rows, lower_rows, rows + upper_rows);
    for (index_t panel = part.first_panel; panel < part.last_panel; ++panel) {
      alignas(64) float product[split::panel_rows * split::panel_columns];
      const index_t begin = panel * split::panel_columns, columns = std::min(split::panel_columns, columns_ - begin);
      split::multiply_blocks(lower_rows > 0, width(panel) > split::tile_edge, blocks, count, tiles_ + panel * panel_size(), product);
      const float* const start = bias != nullptr ? bias + begin : nullptr;
      split::put_rows(product, rows, upper_rows, begin, columns, start, part.block > 0);
      split::put_rows(product + split::tile_edge * split::panel_columns, rows + upper_rows, lower_rows, begin, columns, start, part.block > 0);
    }
    if (part.block + part.depth < depth_) return;
    const index_t begin = part.first_panel * split::panel_columns, end = std::min(columns_, part.last_panel * split::panel_columns);
    for (index_t i = 0; i < upper_rows + lower_rows; ++i) epilogue.apply(rows[i] + begin, end - begin);
  }

  static constexpr index_t most_blocks = 64;  ///< of k in the products of a part: taps × depth

 private:
  index_t width(index_t panel) const { return columns_ - panel * split::panel_columns > split::tile_edge ? split::panel_columns : split::tile_edge; }
  index_t panel_size() const { return taps() * depth_ * 2 * split::group_values; }

  const ProductOutput<float>& output_;
  const RightOperand<float>& filters_;
  index_t columns_, depth_, panels_;
  std::optional<PackedFilters<float>> packed_;
  split::Bfloat16* tiles_ = nullptr;
};

/// Several products with windows of the same images, one after the other at each row of results, so that the images are split into tiles once.
///
/// A task has sixteen or 32 images, some rows of results and some panels of filters. It goes through the channels in slices, so that the rows that
/// windows see and the filters stay in the second cache; how the tasks are cut changes no bit.
class WindowSweep {
 public:
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
    rows_at_once_ = std::max<index_t>(1, grid_h_);
    while (tasks() % context.threads() != 0 && tasks() < 4 * context.threads()) {
      if (rows_at_once_ > 1 && (panels_at_once_ == 1 || rows_at_once_ * v_.stride_h > 2 * window_rows()))
        rows_at_once_ = divide_up(rows_at_once_, 2);
      else if (panels_at_once_ > 1)
        panels_at_once_ = divide_up(panels_at_once_, 2);
      else
        break;
    }
  }

  NASH_COLD void run(const float* images, const float* bias, const Epilogue<float>& epilogue) {
    index_t split_tasks[most_products] = {};
    for (std::size_t i = 0; i < products_.size(); ++i) split_tasks[i] = products_[i]->place_filters(context_);
    const index_t size = SlidingTiles::size(v_, window_rows(), slice_);
    const auto memory = context_.template scratch<split::Bfloat16>(size * context_.threads());
    const auto zeros = context_.template scratch<float>(split::group_values / 2);
    std::fill_n(zeros.data(), zeros.count(), 0.0f);
#pragma omp parallel num_threads(context_.threads())
    {
      for (std::size_t i = 0; i < products_.size(); ++i) {
#pragma omp for schedule(static) nowait
        for (index_t task = 0; task < split_tasks[i]; ++task) products_[i]->split_filters(task);
      }
#pragma omp barrier
      const split::TileRegisters registers;
#pragma omp for schedule(static)
      for (index_t task = 0; task < tasks(); ++task) run_task(task, images, zeros.data(), memory.data() + size * this_thread(), bias, epilogue);
    }
    for (auto& product : products_) product->set_packed();
  }

  static constexpr std::size_t most_products = 4;

 private:
  static constexpr index_t near_bytes = 5 << 18;  // what is multiplied again and again stays in the second cache
  static constexpr index_t least_blocks = 16;     // of k, beside which storing a product costs little

  static index_t divide_up(index_t value, index_t by) { return (value + by - 1) / by; }

  index_t window_rows() const { return std::max<index_t>(1, last_row_ - first_row_); }
  index_t row_blocks() const { return divide_up(grid_h_, rows_at_once_); }
  index_t column_blocks() const { return divide_up(panels_, panels_at_once_); }
  index_t tasks() const { return divide_up(v_.n, split::panel_rows) * row_blocks() * column_blocks(); }

  NASH_COLD void run_task(index_t task, const float* images, const float* zeros, split::Bfloat16* memory, const float* bias, const Epilogue<float>& epilogue) const {
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
            product->multiply({row, column, first_image, block, depth, first_panel, last_panel}, tiles, static_cast<const split::Bfloat16*>(static_cast<const void*>(zeros)),
                              bias, epilogue);
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
