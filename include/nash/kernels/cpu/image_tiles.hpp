// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/image_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu {

/// A batch of N×H×W×C images as tiles for products that sum over the images: at each pixel, 32 images are the values of k, and 16 channels the rows
/// of a tile of the left operand, or the columns of one of the right operand. Of sixteen images or less the values of k are those of two pixels, of
/// which the second lies `beside` columns to the right; beyond the last one it counts as zero in the left operand alone.
///
/// Two blocks of sixteen channels lie together: [images / 32][channels / 32][row][column, from -beside on][block].
class ImageTiles {
 public:
  ImageTiles(index_t n, index_t h, index_t w, index_t c, index_t beside)
      : n_(n), h_(h), w_(w), c_(c), beside_(n <= split::tile_edge ? beside : 0), image_blocks_(divide_up(n, split::block_depth)),
        panels_(divide_up(c, split::panel_columns)) {}

  /// Whether two pixels make a tile.
  bool has_pairs() const { return beside_ > 0; }
  index_t image_blocks() const { return image_blocks_; }
  /// Of 32 channels.
  index_t panels() const { return panels_; }
  index_t pixels() const { return h_ * (w_ + beside_); }
  index_t pixel(index_t row, index_t column) const { return row * (w_ + beside_) + column + beside_; }
  index_t panel_size() const { return pixels() * 2 * split::group_values; }
  index_t block_size() const { return panels_ * panel_size(); }

  /// The tiles of one pixel, for a left operand or a right one. Of pairs the left operand has those that begin at even columns alone.
  NASH_COLD void split_pixel(const float* images, index_t image_block, index_t pixel, bool as_rows, split::Bfloat16* tiles) const {
    const index_t first = image_block * split::block_depth, step = h_ * w_ * c_, row = pixel / (w_ + beside_), column = pixel % (w_ + beside_) - beside_;
    if (as_rows && has_pairs() && column % 2 != 0) return;
    const index_t count = column >= 0 ? std::min(split::tile_edge, n_ - first) : 0, next_column = column + beside_;
    const index_t next_image = has_pairs() ? first : first + split::tile_edge;
    const index_t next_count = !has_pairs() ? std::clamp<index_t>(n_ - first - split::tile_edge, 0, split::tile_edge) : next_column < w_ ? n_ : 0;
    const float* const from = count > 0 ? images + first * step + (row * w_ + column) * c_ : images;
    const float* const next = next_count > 0 ? images + next_image * step + (row * w_ + next_column) * c_ : images;
    split::Bfloat16* to = tiles + image_block * block_size() + pixel * 2 * split::group_values;
    for (index_t panel = 0; panel < panels_; ++panel, to += panel_size())
      for (index_t half = 0; half < 2; ++half) {
        const index_t channel = panel * split::panel_columns + half * split::tile_edge, columns = std::clamp<index_t>(c_ - channel, 0, split::tile_edge);
        const bool whole = count == split::tile_edge && next_count == split::tile_edge && columns == split::tile_edge;
        split::Bfloat16* const group = to + half * split::group_values;
        alignas(64) float values[split::block_depth * split::tile_edge];
        if (!whole) std::fill_n(values, split::block_depth * split::tile_edge, 0.0f);
        if (as_rows) {
          transpose_block(from + channel, step, count, columns, values, split::block_depth);
          transpose_block(next + channel, step, next_count, columns, values + split::tile_edge, split::block_depth);
          const float* rows[split::tile_edge];
          for (index_t i = 0; i < split::tile_edge; ++i) rows[i] = values + i * split::block_depth;
          split::split_rows(rows, split::tile_edge, group);
        } else if (whole) {
          split::split_columns(from + channel, next + channel, step, group);
        } else {
          for (index_t i = 0; i < count; ++i) std::copy_n(from + channel + i * step, columns, values + i * split::tile_edge);
          for (index_t i = 0; i < next_count; ++i) std::copy_n(next + channel + i * step, columns, values + (split::tile_edge + i) * split::tile_edge);
          split::split_columns(values, values + split::tile_edge * split::tile_edge, split::tile_edge, group);
        }
      }
  }

 private:
  index_t n_, h_, w_, c_, beside_, image_blocks_, panels_;
};

}  // namespace nash::cpu
