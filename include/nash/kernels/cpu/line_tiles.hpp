// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/word_tiles.hpp"
#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// Products A·B on tile registers, of which A is a line at a time: the few dozen rows of A that belong to a line of a convolution's results, lying at
/// one step in memory, which may be less than k. Lines are cut into tiles of equally many rows, sixteen or a few less.
class LineTiles {
 public:
  /// For lines of so many rows, sums of k values, and so many columns.
  LineTiles(index_t rows, index_t k, index_t columns)
      : line_(rows), columns_(columns), blocks_(divide_up(k, split::tile_edge)), depth_(k / blocks_), tiles_(divide_up(rows, split::tile_edge)),
        rows_(divide_up(rows, tiles_)), suits_(columns % split::tile_edge == 0 && depth_ * blocks_ == k) {}

  /// Whether there are tile registers, and they would be well filled.
  bool suits(const Context<Cpu>& context) const {
    return context.instruction_set() >= InstructionSet::amx && suits_ &&
           std::min(split::filled(depth_, split::tile_edge), split::filled(rows_, split::tile_edge)) >= split::least_filled;
  }

  /// For each thread that multiplies.
  split::TileRegisters registers() const { return split::TileRegisters(rows_, depth_); }

  /// Columns that are multiplied at a time, from this one on; what they need of B stays in the first cache.
  index_t columns_from(index_t first) const { return std::min(columns_ - first, split::columns_at_once * split::tile_edge); }
  /// Words of so many columns of B.
  index_t packed_size(index_t columns) const { return columns / split::tile_edge * blocks_ * split::forms * split::word_tile_values; }

  /// All of B, [k][columns], those after the others that are multiplied at a time.
  NASH_COLD void pack(const float* b, split::Word* to) const {
    for (index_t first = 0, count; first < columns_; first += count) {
      count = columns_from(first);
      const index_t form_size = count * split::tile_edge;
      for (index_t block = 0; block < blocks_; ++block, to += split::forms * form_size)
        for (index_t tile = 0; tile < count / split::tile_edge; ++tile)
          for (index_t k = 0; k < depth_; ++k)
            split::split_forms(b + (block * depth_ + k) * columns_ + first + tile * split::tile_edge, to + tile * split::word_tile_values + k * split::tile_edge, form_size);
    }
  }

  /// c := a·b + starts for a line and some columns. The rows of c are `c_step` values apart.
  void multiply(const split::WordRows& a, const split::Word* packed, index_t columns, const float* starts, float* c, index_t c_step) const {
    constexpr decltype(&split::multiply_words<1>) widths[] = {split::multiply_words<1>, split::multiply_words<2>, split::multiply_words<3>, split::multiply_words<4>};
    const index_t a_step = a.step / index_t{sizeof(split::Word)};
    for (index_t tile = 0; tile < tiles_; ++tile) {
      const index_t first = std::min(tile * rows_, line_ - rows_);  // the last tile does some rows again
      widths[columns / split::tile_edge - 1]({a.middle + first * a_step, a.low + first * a_step, a.step}, blocks_, depth_, packed, starts, c + first * c_step,
                                             c_step * index_t{sizeof(float)}, rows_);
    }
  }

 private:
  index_t line_, columns_;
  index_t blocks_, depth_;  // of k: blocks of so many values
  index_t tiles_, rows_;    // of a line: tiles of so many rows
  bool suits_;
};

}  // namespace nash::cpu
