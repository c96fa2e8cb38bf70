// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <type_traits>

#include "nash/kernels/cpu/product_operands.hpp"
#include "nash/kernels/cpu/split_tiles.hpp"
#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// How a product [m × k]·[k × n] is cut: slices of k, blocks of m_block × n_block results, each a task, and where these are too few, splits of k whose
/// partial results are added in order. It depends on the sizes and the instruction set alone, so that the bits do not depend on the threads.
template <class T>
struct ProductCut {
  index_t m, n, k;
  TileKernels<T> kernels;
  bool on_tile_registers;  ///< else in vectors
  index_t depth;           ///< of a slice of k
  index_t slices, m_block = 0, n_block = 0, m_blocks = 0, n_blocks = 0, splits = 1;

  ProductCut(InstructionSet set, index_t rows_of_a, index_t columns_of_b, index_t sum, bool of_matrices)
      : m(rows_of_a), n(columns_of_b), k(sum), kernels(tile_kernels<T>(set)), on_tile_registers(of_matrices && fills_tile_registers(set)),
        depth(on_tile_registers ? split::most_blocks * split::block_depth : max_slice), slices(divide_up(k, depth)) {
    if (m == 0 || n == 0) return;
    const index_t rows = on_tile_registers ? split::panel_rows : kernels.rows, wide = on_tile_registers ? split::panel_columns : kernels.lanes * kernels.vectors;
    const index_t most_columns = on_tile_registers ? max_n_block_of_tiles : max_n_block, long_block = (on_tile_registers ? 4 : 96) * rows;
    m_block = round_up(divide_up(m, divide_up(m, max_m_block)), rows);
    n_block = round_up(divide_up(n, divide_up(n, most_columns)), kernels.lanes);  // of equal size
    splits = std::clamp<index_t>(slices / long_split, 1, wanted_tasks);
    while (divide_up(m, m_block) * divide_up(n, n_block) * splits < wanted_tasks) {
      if (m_block >= long_block)
        m_block = round_up(m_block / 2, rows);
      else if (n_block >= 2 * wide)
        n_block = round_up(n_block / 2, kernels.lanes);
      else if (m_block >= 8 * rows)
        m_block = round_up(m_block / 2, rows);
      else
        break;
    }
    m_blocks = divide_up(m, m_block);
    n_blocks = divide_up(n, n_block);
    const index_t blocks = m_blocks * n_blocks * splits;
    if (blocks < wanted_tasks) splits = std::clamp<index_t>(slices / 2, splits, splits * wanted_tasks / blocks);
  }

  index_t tasks() const { return k == 0 ? 0 : m_blocks * n_blocks * splits; }
  Slice slice(index_t index) const { return {index * depth, std::min(k, (index + 1) * depth)}; }
  index_t slice_size() const { return std::min(depth, k); }

  /// The width of the next tile of columns, in vectors.
  int next_width(index_t column, index_t end) const {
    const index_t left = divide_up(end - column, kernels.lanes);
    return on_tile_registers ? static_cast<int>(std::min<index_t>(left, 2)) : kernels.next_width(left);
  }

  /// In values of T: so many values of k in one column of B that is packed, or in one row of a panel of A on tile registers.
  index_t packed_size(index_t count) const { return on_tile_registers ? round_up(count, split::block_depth) * split::parts / 2 : count; }
  /// All of B, packed.
  index_t packed_size() const { return packed_size(k) * n_blocks * n_block; }
  /// Where a block of columns of a slice begins in it.
  index_t packed_at(Slice slice, index_t block) const {
    return packed_size(slice.begin) * n_blocks * n_block + block * n_block * packed_size(slice.count());
  }
  /// A panel of A on tile registers.
  index_t panel_size() const { return on_tile_registers ? packed_size(slice_size()) * split::panel_rows : 0; }

 private:
  static constexpr index_t max_m_block = 768;  // rows of A are only passed by; each block of them packs B once
  static constexpr index_t max_n_block = 384, max_n_block_of_tiles = 256;
  static constexpr index_t wanted_tasks = 8;   // so many, that a handful of threads find work
  static constexpr index_t long_split = 8;     // slices of k, beside which adding the splits up costs nothing
  static constexpr index_t least_columns = 64;  // for which splitting A pays

  bool fills_tile_registers(InstructionSet set) const {
    if (!std::is_same_v<T, float> || set < InstructionSet::amx || std::min(m, k) == 0 || n < least_columns) return false;
    return split::filled(m, split::tile_edge) * split::filled(n, split::tile_edge) * split::filled(k, split::block_depth) >= split::least_filled;
  }
};

}  // namespace nash::cpu
