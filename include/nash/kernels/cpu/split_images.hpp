// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu {

/// A batch of N×H×W×C images as tiles for products that sum over the channels: at each pixel, sixteen images are the rows of a tile and 32
/// channels its values of k.
///
/// Two blocks of sixteen images lie together, which make a panel: [pair][channels / 32][pixel][block].
class ChannelTiles {
 public:
  ChannelTiles(index_t n, index_t pixels, index_t c)
      : n_(n), pixels_(pixels), c_(c), pairs_((n + split::panel_rows - 1) / split::panel_rows), depth_((c + split::block_depth - 1) / split::block_depth) {}

  index_t pairs() const { return pairs_; }
  /// Whether a pair has a second block of images.
  bool is_whole(index_t pair) const { return pair * split::panel_rows + split::tile_edge < n_; }
  /// Of the channels, in blocks.
  index_t depth() const { return depth_; }
  index_t pair_size() const { return pixels_ * 2 * depth_ * split::group_values; }

  /// From one block of channels to the next.
  index_t block_step() const { return pixels_ * 2 * split::group_values; }

  const split::Bfloat16* at(const split::Bfloat16* tiles, index_t pair, index_t block, index_t pixel, index_t half) const {
    return tiles + pair * pair_size() + block * block_step() + (pixel * 2 + half) * split::group_values;
  }

  /// The tiles of one pixel of the images of a pair. `zeros` is 32 of them.
  void split_pixel(const float* images, index_t pair, index_t pixel, const float* zeros, split::Bfloat16* tiles) const {
    for (index_t half = 0; half < (is_whole(pair) ? 2 : 1); ++half) {
      const index_t first = pair * split::panel_rows + half * split::tile_edge;
      for (index_t block = 0; block < depth_; ++block) {
        const index_t channel = block * split::block_depth, count = std::min(split::block_depth, c_ - channel);
        alignas(64) float padded[split::tile_edge * split::block_depth];
        const float* rows[split::tile_edge];
        for (index_t i = 0; i < split::tile_edge; ++i) {
          rows[i] = first + i < n_ ? images + ((first + i) * pixels_ + pixel) * c_ + channel : zeros;
          if (count < split::block_depth && rows[i] != zeros) {
            pack_row(rows[i], count, split::block_depth, padded + i * split::block_depth);
            rows[i] = padded + i * split::block_depth;
          }
        }
        split::split_rows(rows, split::tile_edge, const_cast<split::Bfloat16*>(at(tiles, pair, block, pixel, half)));
      }
    }
  }

 private:
  index_t n_, pixels_, c_, pairs_, depth_;
};

/// The same for products that sum over the images: at each pixel, 32 images are the values of k, and 16 channels the rows of a tile of the left
/// operand, or the columns of one of the right operand.
///
/// Two blocks of sixteen channels lie together: [images / 32][channels / 32][pixel][block].
class ImageTiles {
 public:
  ImageTiles(index_t n, index_t pixels, index_t c)
      : n_(n), pixels_(pixels), c_(c), image_blocks_((n + split::block_depth - 1) / split::block_depth), panels_((c + split::panel_columns - 1) / split::panel_columns) {}

  index_t image_blocks() const { return image_blocks_; }
  /// Of 32 channels.
  index_t panels() const { return panels_; }
  index_t panel_size() const { return pixels_ * 2 * split::group_values; }
  index_t block_size() const { return panels_ * panel_size(); }
  /// The channels of a panel.
  index_t width(index_t panel) const { return std::min(split::panel_columns, c_ - panel * split::panel_columns); }

  const split::Bfloat16* at(const split::Bfloat16* tiles, index_t image_block, index_t panel, index_t pixel) const {
    return tiles + image_block * block_size() + panel * panel_size() + pixel * 2 * split::group_values;
  }

  /// The tiles of one pixel, for a left operand or a right one.
  void split_pixel(const float* images, index_t image_block, index_t pixel, bool as_rows, split::Bfloat16* tiles) const {
    const index_t first = image_block * split::block_depth, count = std::min(split::block_depth, n_ - first), step = pixels_ * c_;
    const float* const from = images + first * step + pixel * c_;
    for (index_t panel = 0; panel < panels_; ++panel) {
      split::Bfloat16* to = const_cast<split::Bfloat16*>(at(tiles, image_block, panel, pixel));
      for (index_t half = 0; half < 2; ++half, to += split::group_values) {
        const index_t channel = panel * split::panel_columns + half * split::tile_edge, columns = std::clamp<index_t>(c_ - channel, 0, split::tile_edge);
        const bool whole = count == split::block_depth && columns == split::tile_edge;
        alignas(64) float values[split::block_depth * split::tile_edge];
        if (as_rows) {
          if (!whole) std::fill_n(values, split::block_depth * split::tile_edge, 0.0f);
          transpose_block(from + channel, step, count, columns, values, split::block_depth);
          const float* rows[split::tile_edge];
          for (index_t i = 0; i < split::tile_edge; ++i) rows[i] = values + i * split::block_depth;
          split::split_rows(rows, split::tile_edge, to);
        } else if (whole) {
          split::split_columns(from + channel, step, to);
        } else {
          for (index_t i = 0; i < count; ++i) pack_row(from + channel + i * step, columns, split::tile_edge, values + i * split::tile_edge);
          std::fill(values + count * split::tile_edge, values + split::block_depth * split::tile_edge, 0.0f);
          split::split_columns(values, split::tile_edge, to);
        }
      }
    }
  }

 private:
  index_t n_, pixels_, c_, image_blocks_, panels_;
};

}  // namespace nash::cpu
