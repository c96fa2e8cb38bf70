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

  const split::Bfloat16* at(index_t h, index_t w, index_t half, index_t block) const { return place(h, w, half, block); }

 private:
  split::Bfloat16* place(index_t h, index_t w, index_t half, index_t block) const {
    return memory_ + (((block * rows_ + h % rows_) * v_.w + w) * 2 + half) * split::group_values;
  }

  NASH_COLD void split_pixel(index_t h, index_t w) {
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
        split::split_rows(rows, split::tile_edge, place(h, w, half, block));
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

}  // namespace nash::cpu
