// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/window_strips.hpp"
#include "nash/kernels/cpu/word_tiles.hpp"

namespace nash::cpu {

/// What ThinConvolution does on tile registers: the products of lines of windows, whose results are the rows of tiles, sixteen or a few less.
class ThinTiles {
 public:
  /// Whether there are tile registers, and they would be well filled.
  static bool suits(const Context<Cpu>& context, const Conv2dGeometry& g) {
    const ThinTiles tiles(g);
    return context.instruction_set() >= InstructionSet::amx && g.o % split::tile_edge == 0 && tiles.depth_ * tiles.blocks_ == tiles.taps_ &&
           std::min(split::filled(tiles.depth_, split::tile_edge), split::filled(tiles.rows_, split::tile_edge)) >= split::least_filled;
  }

  explicit ThinTiles(const Conv2dGeometry& g)
      : g_(g), taps_(g.r * g.s * g.c), blocks_(divide_up(taps_, split::tile_edge)), depth_(taps_ / blocks_), tiles_(divide_up(g.q(), split::tile_edge)),
        rows_(divide_up(g.q(), tiles_)) {}

  /// Words that the filters take.
  index_t filters_size() const { return g_.o / split::tile_edge * blocks_ * split::forms * split::word_tile_values; }
  /// Words that the windows of a line take.
  index_t windows_size() const { return 2 * round_up(WindowStrips<float>::size(g_, 1), split::tile_edge); }
  split::TileRegisters registers() const { return split::TileRegisters(rows_, depth_); }

  /// From [taps][O].
  NASH_COLD void split_filters(const float* filters, split::Word* to) const {
    for (index_t o = 0; o < g_.o;) {
      const index_t tiles = next_tiles(o);
      for (index_t block = 0; block < blocks_; ++block, to += split::forms * tiles * split::word_tile_values)
        for (index_t tile = 0; tile < tiles; ++tile)
          for (index_t k = 0; k < depth_; ++k)
            split::split_forms(filters + (block * depth_ + k) * g_.o + o + tile * split::tile_edge, to + tile * split::word_tile_values + k * split::tile_edge,
                               tiles * split::word_tile_values);
      o += tiles * split::tile_edge;
    }
  }

  /// y := windows · filters + starts for lines [first, first + count) of an image, and then the epilogue, for some filters after the others, whose
  /// tiles stay in the first cache. The next line is gathered and split while tiles are multiplied; what was written just now in other pieces than
  /// it is read in has to be in the cache first.
  NASH_NOINLINE void multiply_windows(WindowStrips<float>& strips, const float* image, index_t first, index_t count, const split::Word* filters, const float* starts,
                                      float* y, const Epilogue<float>& epilogue, split::Word* words) const {
    const index_t size = windows_size() / 2, line_size = g_.q() * g_.o;
    for (index_t o = 0; o < g_.o;) {
      const index_t tiles = next_tiles(o), end = o + tiles * split::tile_edge;
      strips.load(image, first, 1);
      for (index_t line = 0; line < count; ++line) {
        split::split_words(strips.line(0), size, words, words + size);
        if (line + 1 < count) strips.load(image, first + line + 1, 1);
        multiply_line({words, words + size, strips.step() * index_t{sizeof(split::Word)}}, filters, starts + o, y + line * line_size + o, tiles);
        if (end == g_.o) epilogue.apply(y + line * line_size, line_size);
      }
      filters += blocks_ * split::forms * tiles * split::word_tile_values;
      o = end;
    }
  }

 private:
  NASH_ALWAYS_INLINE void multiply_line(const split::WordRows& line, const split::Word* filters, const float* starts, float* y, index_t tiles) const {
    const index_t step = line.step / index_t{sizeof(split::Word)}, y_step = g_.o * index_t{sizeof(float)};
    for (index_t tile = 0; tile < tiles_; ++tile) {
      const index_t first = std::min(tile * rows_, g_.q() - rows_);  // the last tile does some results again
      const split::WordRows windows{line.middle + first * step, line.low + first * step, line.step};
      if (tiles == 1)
        split::multiply_words<1>(windows, blocks_, depth_, filters, starts, y + first * g_.o, y_step, rows_);
      else
        split::multiply_words<split::columns_at_once>(windows, blocks_, depth_, filters, starts, y + first * g_.o, y_step, rows_);
    }
  }

  index_t next_tiles(index_t column) const { return g_.o - column >= split::columns_at_once * split::tile_edge ? split::columns_at_once : 1; }

  Conv2dGeometry g_;
  index_t taps_, blocks_, depth_;  // of windows: blocks of so many values
  index_t tiles_, rows_;           // of a line of results: tiles of so many
};

}  // namespace nash::cpu
