// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu {

/// Four panels of a matrix, of at most eight rows each, split into tiles for one slice of k: a left operand on tile registers.
class SplitPanel {
 public:
  static constexpr int most_parts = 4, part_rows = 8;  ///< of the panels that operands give

  explicit SplitPanel(split::Bfloat16* tiles) : tiles_(tiles) {}

  bool is_full() const { return part_count_ == most_parts; }
  void clear() { row_count_ = part_count_ = 0; }

  /// The next panel, of `rows` rows of C, eight but for the last: from where its rows lie, or where a matrix that is stored transposed was
  /// gathered, eight values for each k.
  void add(const Segment<float>& panel, index_t stride, int rows) {
    row_count_ += rows;
    block_count_ = 0;
    for (index_t begin = 0; begin < panel.count; begin += split::block_depth) {
      const index_t half = block_count_ * 2 + part_count_ / 2;
      split_block(panel, stride, begin, tiles_ + half * split::group_values + part_count_ % 2 * part_rows * split::block_depth);
      ++block_count_;
    }
    ++part_count_;
  }

  /// C (+)= panel·B + bias for the columns of one panel of B, 16 or 32 wide. `c` has the start of each row of C.
  void multiply(const split::Bfloat16* b, index_t width, index_t columns, float* const* c, index_t offset, const float* bias, bool accumulate) const {
    alignas(64) float product[split::product_values];
    split::Block blocks[split::most_blocks];
    for (int i = 0; i < block_count_; ++i) blocks[i] = {tiles_ + 2 * i * split::group_values, tiles_ + (2 * i + 1) * split::group_values, i};
    split::multiply_blocks(part_count_ > most_parts / 2, width > split::tile_edge, blocks, block_count_, b, product);
    split::put_rows(product, c, row_count_, offset, columns, bias, accumulate);  // rows of parts that are not there come last
  }

 private:
  static void split_block(const Segment<float>& panel, index_t stride, index_t begin, split::Bfloat16* to) {
    const index_t count = std::min(split::block_depth, panel.count - begin);
    const float* rows[part_rows];
    alignas(64) float gathered[part_rows * split::block_depth];
    const bool as_it_lies = stride == 1 && count == split::block_depth;
    for (int i = 0; i < part_rows; ++i) rows[i] = as_it_lies ? panel.rows[i] + begin : gathered + i * split::block_depth;
    if (!as_it_lies) {
      if (count < split::block_depth) std::fill_n(gathered, part_rows * split::block_depth, 0.0f);
      if (stride == 1)
        for (int i = 0; i < part_rows; ++i) std::copy_n(panel.rows[i] + begin, count, gathered + i * split::block_depth);
      else
        transpose_block(panel.rows[0] + begin * stride, stride, count, part_rows, gathered, split::block_depth);
    }
    split::split_rows(rows, part_rows, to);
  }

  split::Bfloat16* tiles_;
  int row_count_ = 0, part_count_ = 0, block_count_ = 0;
};

/// Columns [n, n + width) of at most 32 rows of a right operand as tiles, a group for each 16 of them. `is_whole`: it has all of these columns.
NASH_COLD inline void split_right_operand(const RightOperand<float>& right, Slice rows, index_t n, index_t width, bool is_whole, split::Bfloat16* to) {
  alignas(64) float columns[split::block_depth * split::panel_columns];
  index_t step = 0;
  const float* from = is_whole && rows.count() == split::block_depth ? right.in_place(rows.begin, n, step) : nullptr;
  if (from == nullptr) {
    right.pack(rows, n, width, columns);
    std::fill(columns + rows.count() * width, columns + split::block_depth * width, 0.0f);
    from = columns, step = width;
  }
  for (index_t first = 0; first < width; first += split::tile_edge, to += split::group_values)
    split::split_columns(from + first, from + split::tile_edge * step + first, step, to);
}

}  // namespace nash::cpu
