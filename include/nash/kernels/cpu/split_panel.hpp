// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu {

/// Four panels of a left operand, of at most eight rows each, split into tiles for one slice of k, and where their results go.
///
/// Of the blocks of k only those are multiplied in which some row has a value: taps on the padding cost nothing here either.
class SplitPanel {
 public:
  static constexpr int most_parts = 4, part_rows = 8;  ///< of the panels that operands give

  /// The tiles are of one slice of k after the other, each of `depth` values.
  explicit SplitPanel(split::Bfloat16* tiles) : tiles_(tiles) {}

  void start(index_t depth) {
    depth_ = depth;
    part_count_ = block_count_ = 0;
    for (Part& part : parts_) part = {};
  }

  bool is_full() const { return part_count_ == most_parts; }

  /// The next panel, of `rows` rows of C.
  void add(const SegmentList<float>& list, index_t stride, int rows) {
    Part& part = parts_[part_count_];
    part.rows = rows;
    const Segment<float>*segment = list.segments, *const end = segment + list.count;
    for (index_t block = 0; block * split::block_depth < depth_; ++block) {
      const index_t begin = block * split::block_depth;
      while (segment != end && segment->begin + segment->count <= begin) ++segment;
      if (segment == end) break;
      if (segment->begin >= begin + split::block_depth) continue;
      part.blocks |= 1u << block;
      split_block(segment, end, stride, begin, tiles_of(block, part_count_));
    }
    ++part_count_;
  }

  /// After the last panel: the blocks that some row has, zero where others have none.
  void complete() {
    unsigned all = 0;
    for (const Part& part : parts_) all |= part.blocks;
    for (index_t block = 0; block < split::most_blocks; ++block) {
      if ((all >> block & 1u) == 0) continue;
      blocks_[block_count_++] = {tiles_of(block, 0), tiles_of(block, 2), block};
      for (int i = 0; i < most_parts; ++i)
        if ((parts_[i].blocks >> block & 1u) == 0)
          for (index_t part = 0; part < split::parts; ++part)
            std::fill_n(tiles_of(block, i) + part * split::tile_values, part_rows * split::block_depth, split::Bfloat16{0});
    }
  }

  /// C (+)= panel·B + bias for the columns of one panel of B, 16 or 32 wide. `c` has the start of each row of C there, part by part without gaps.
  void multiply(const split::Bfloat16* b, index_t width, index_t columns, float* const* c, index_t offset, const float* bias, bool accumulate) const {
    alignas(64) float product[split::panel_rows * split::panel_columns];
    split::multiply_blocks(part_count_ > most_parts / 2, width > split::tile_edge, blocks_, block_count_, b, product);
    const float* from = product;
    for (int i = 0; i < part_count_; ++i, from += part_rows * split::panel_columns) {
      split::put_rows(from, c, parts_[i].rows, offset, columns, bias, accumulate);
      c += parts_[i].rows;
    }
  }

 private:
  struct Part {
    int rows = 0;
    unsigned blocks = 0;  // of k, a bit each
  };

  split::Bfloat16* tiles_of(index_t block, int part) const {
    return tiles_ + (2 * block + part / 2) * split::group_values + part % 2 * part_rows * split::block_depth;
  }

  /// A block of k of eight rows, from where they lie if they go on evenly through it, else gathered.
  static void split_block(const Segment<float>* segment, const Segment<float>* end, index_t stride, index_t begin, split::Bfloat16* to) {
    const float* rows[part_rows];
    const bool whole = segment->begin <= begin && segment->begin + segment->count >= begin + split::block_depth;
    if (whole && stride == 1) {
      for (int i = 0; i < part_rows; ++i) rows[i] = segment->rows[i] + begin - segment->begin;
      return split::split_rows(rows, part_rows, to);
    }
    alignas(64) float gathered[part_rows * split::block_depth];
    for (int i = 0; i < part_rows; ++i) rows[i] = gathered + i * split::block_depth;
    if (!whole) std::fill_n(gathered, part_rows * split::block_depth, 0.0f);
    for (; segment != end && segment->begin < begin + split::block_depth; ++segment) {
      const index_t first = std::max(begin, segment->begin), count = std::min(begin + split::block_depth, segment->begin + segment->count) - first;
      if (stride == part_rows && segment->rows[part_rows - 1] == segment->rows[0] + part_rows - 1)  // gathered as columns by the operand
        transpose_block(segment->rows[0] + (first - segment->begin) * stride, stride, count, part_rows, gathered + (first - begin), split::block_depth);
      else
        for (int i = 0; i < part_rows; ++i)
          for (index_t k = 0; k < count; ++k) gathered[i * split::block_depth + (first - begin) + k] = segment->rows[i][(first - segment->begin + k) * stride];
    }
    split::split_rows(rows, part_rows, to);
  }

  split::Bfloat16* tiles_;
  index_t depth_ = 0;
  Part parts_[most_parts];
  int part_count_ = 0, block_count_ = 0;
  split::Block blocks_[split::most_blocks];
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
  for (index_t first = 0; first < width; first += split::tile_edge, to += split::group_values) split::split_columns(from + first, from + split::tile_edge * step + first, step, to);
}

}  // namespace nash::cpu
