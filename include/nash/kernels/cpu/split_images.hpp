// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/image_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu {

/// Some rows of sixteen or 32 images as tiles for products that sum over the channels: at each pixel, sixteen images are the rows of a tile and
/// 32 channels its values of k. They slide down the images, so that a row is split once and lies near as long as windows see it.
///
/// In memory: [channels / 32][row][pixel][sixteen images].
class SlidingTiles {
 public:
  /// `rows` of them, of the images from `first_image` on. `zeros` is as many as a block has channels.
  SlidingTiles(const float* images, const Windows& v, index_t first_image, index_t rows, const float* zeros, split::Bfloat16* memory)
      : images_(images), v_(v), first_image_(first_image), halves_(first_image + split::tile_edge < v.n ? 2 : 1), rows_(rows), zeros_(zeros), memory_(memory) {}
  /// bfloat16 of the memory that it takes.
  static index_t size(const Windows& v, index_t rows, index_t slice) { return slice * rows * v.w * 2 * split::group_values; }

  /// Blocks of sixteen images, 1 or 2.
  index_t halves() const { return halves_; }

  /// Begins again, with other channels: `slice` blocks from `block` on.
  void start(index_t block, index_t slice) { block_ = block, slice_ = slice, end_ = 0; }

  /// Splits those rows of [first, last) that have not been, and lie in the image.
  void slide_to(index_t first, index_t last) {
    for (end_ = std::max(end_, first); end_ < std::min(last, v_.h); ++end_)
      for (index_t w = 0; w < v_.w; ++w) split_pixel(end_, w);
  }

  const split::Bfloat16* at(index_t h, index_t w, index_t half, index_t block) const {
    return memory_ + (((block * rows_ + h % rows_) * v_.w + w) * 2 + half) * split::group_values;
  }

 private:
  NASH_COLD void split_pixel(index_t h, index_t w) const {
    const index_t step = v_.h * v_.w * v_.c;
    for (index_t half = 0; half < halves_; ++half) {
      const index_t first = first_image_ + half * split::tile_edge, images = std::min(split::tile_edge, v_.n - first);
      const float* const pixel = images_ + first * step + (h * v_.w + w) * v_.c;
      for (index_t block = 0; block < slice_; ++block) {
        const index_t channel = (block_ + block) * split::block_depth, count = std::min(split::block_depth, v_.c - channel);
        alignas(64) float padded[split::tile_edge * split::block_depth];
        const float* rows[split::tile_edge];
        for (index_t i = 0; i < split::tile_edge; ++i) {
          rows[i] = i < images ? pixel + i * step + channel : zeros_;
          if (count < split::block_depth && i < images) {
            pack_row(rows[i], count, split::block_depth, padded + i * split::block_depth);
            rows[i] = padded + i * split::block_depth;
          }
        }
        split::split_rows(rows, split::tile_edge, const_cast<split::Bfloat16*>(at(h, w, half, block)));
      }
    }
  }

  const float* images_;
  const Windows& v_;
  index_t first_image_, halves_, rows_;
  const float* zeros_;
  split::Bfloat16* memory_;
  index_t block_ = 0, slice_ = 0, end_ = 0;
};

/// A batch of N×H×W×C images as tiles for products that sum over the images: at each pixel, 32 images are the values of k, and 16 channels the rows
/// of a tile of the left operand, or the columns of one of the right operand. Of sixteen images or less the values of k are those of two pixels, of
/// which the second lies `beside` columns to the right.
///
/// Two blocks of sixteen channels lie together: [images / 32][channels / 32][row][column, from -beside on][block].
class ImageTiles {
 public:
  ImageTiles(index_t n, index_t h, index_t w, index_t c, index_t beside)
      : n_(n), h_(h), w_(w), c_(c), beside_(n <= split::tile_edge ? beside : 0), image_blocks_((n + split::block_depth - 1) / split::block_depth),
        panels_((c + split::panel_columns - 1) / split::panel_columns) {}

  /// Whether two pixels make a tile.
  bool has_pairs() const { return beside_ > 0; }
  index_t image_blocks() const { return image_blocks_; }
  /// Of 32 channels.
  index_t panels() const { return panels_; }
  index_t pixels() const { return h_ * (w_ + beside_); }
  index_t pixel(index_t row, index_t column) const { return row * (w_ + beside_) + column + beside_; }
  index_t panel_size() const { return pixels() * 2 * split::group_values; }
  index_t block_size() const { return panels_ * panel_size(); }

  /// The tiles of one pixel, for a left operand or a right one.
  NASH_COLD void split_pixel(const float* images, index_t image_block, index_t pixel, bool as_rows, split::Bfloat16* tiles) const {
    const index_t first = image_block * split::block_depth, step = h_ * w_ * c_, row = pixel / (w_ + beside_), column = pixel % (w_ + beside_) - beside_;
    const float* const from = images + first * step + (row * w_ + column) * c_;
    const index_t count = column >= 0 ? std::min(split::tile_edge, n_ - first) : 0;
    const index_t next_column = column + beside_, next = has_pairs() ? beside_ * c_ : split::tile_edge * step;
    const index_t next_count = !has_pairs() ? std::clamp<index_t>(n_ - first - split::tile_edge, 0, split::tile_edge) : next_column < w_ ? n_ : 0;
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
          transpose_block(from + next + channel, step, next_count, columns, values + split::tile_edge, split::block_depth);
          const float* rows[split::tile_edge];
          for (index_t i = 0; i < split::tile_edge; ++i) rows[i] = values + i * split::block_depth;
          split::split_rows(rows, split::tile_edge, group);
        } else if (whole) {
          split::split_columns(from + channel, from + next + channel, step, group);
        } else {
          for (index_t i = 0; i < count; ++i) std::copy_n(from + channel + i * step, columns, values + i * split::tile_edge);
          for (index_t i = 0; i < next_count; ++i) std::copy_n(from + next + channel + i * step, columns, values + (split::tile_edge + i) * split::tile_edge);
          split::split_columns(values, values + split::tile_edge * split::tile_edge, split::tile_edge, group);
        }
      }
  }

 private:
  index_t n_, h_, w_, c_, beside_, image_blocks_, panels_;
};

}  // namespace nash::cpu
