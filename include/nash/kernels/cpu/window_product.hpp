// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/sliding_tiles.hpp"
#include "nash/kernels/cpu/split_panel.hpp"

namespace nash::cpu {

/// The product of the windows of images with filters, on tile registers: what a convolution is, or one phase of its backward_data.
class WindowProduct {
 public:
  /// [windows × taps·C] · [taps·C × columns]: `filters` is the right operand, and `output` has the results of a place for one image after the other.
  WindowProduct(const Windows& windows, const RightOperand<float>& filters, const ProductOutput<float>& output, index_t columns)
      : v(windows), output_(output), filters_(filters), columns_(columns), depth_(divide_up(v.c, split::block_depth)),
        panels_(divide_up(columns, split::panel_columns)) {}

  const Windows v;

  index_t taps() const { return v.r * v.s; }
  /// Of the channels, in blocks.
  index_t depth() const { return depth_; }
  /// Of 32 filters, or sixteen for the last.
  index_t panels() const { return panels_; }

  /// Finds the place for the filters in tiles; returns how many tasks it is to split them.
  NASH_COLD index_t place_filters(Context<Cpu>& context) {
    FilterStore::Form form{static_cast<index_t>(FilterForm::split), v.c};
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
      alignas(64) float product[split::product_values];
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

  static constexpr index_t most_blocks = 64;  ///< of k in the products of a part, taps × depth; so the most taps

 private:
  index_t width(index_t panel) const { return columns_ - panel * split::panel_columns > split::tile_edge ? split::panel_columns : split::tile_edge; }
  index_t panel_size() const { return taps() * depth_ * 2 * split::group_values; }

  const ProductOutput<float>& output_;
  const RightOperand<float>& filters_;
  index_t columns_, depth_, panels_;
  std::optional<PackedFilters<float>> packed_;
  split::Bfloat16* tiles_ = nullptr;
};

}  // namespace nash::cpu
