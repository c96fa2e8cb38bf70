// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/gpu/divisor.hpp"
#include "nash/kernels/gpu/pointwise.hpp"
#include "nash/kernels/reduce.hpp"

namespace nash {
namespace gpu {

/// How the threads of a block share a sum over rows or columns: tiles of 2^width_bits sums, and 2^lane_bits threads for each of them.
struct SumTile {
  static constexpr int threads = 256, bits = 8;
  int width_bits, lane_bits;

  /// The tile for `count` sums of `terms` values each: a thread adds at least so many of them, and neighbours are of up to `widest` sums.
  static SumTile of(index_t count, index_t terms, index_t least_per_thread, int widest) {
    int width_bits = 0;
    while (width_bits < widest && index_t{1} << width_bits < count) ++width_bits;
    while (width_bits < bits && least_per_thread << (bits - width_bits - 1) >= terms) ++width_bits;
    return {width_bits, bits - width_bits};
  }
  index_t width() const { return index_t{1} << width_bits; }
  index_t tiles(index_t count) const { return ceiling_of_quotient(count, width()); }
};

/// Σ f(i) for i = first, first + stride, … before last, in order, with several loads under way before the first sum.
template <class Function>
NASH_HOST_DEVICE double strided_sum(const Function& f, index_t first, index_t last, index_t stride) {
  constexpr int unrolled = 4;
  double total = 0;
  index_t i = first;
  for (; i + (unrolled - 1) * stride < last; i += unrolled * stride) {
    double values[unrolled];
    for (int j = 0; j < unrolled; ++j) values[j] = f(i + j * stride);
    for (int j = 0; j < unrolled; ++j) total += values[j];
  }
  for (; i < last; i += stride) total += f(i);
  return total;
}

/// sums[block] := Σ f(i) over the block's share: each thread a sum of its own, then pairs of threads, pairs of pairs, …
/// The split depends on `count` and the number of blocks, which depends on it.
template <class Function>
struct SumShares {
  static constexpr int threads = 256, levels = 8;  // 2⁸ threads
  struct Shared {
    double sums[threads];
  };
  Function f;
  index_t count, blocks;
  double* sums;

  NASH_HOST_DEVICE int phases() const { return 1 + levels; }
  NASH_HOST_DEVICE void run(int phase, index_t block, int thread, Shared& shared) const {
    if (phase == 0) {
      shared.sums[thread] = strided_sum(f, block * threads + thread, count, blocks * threads);
      return;
    }
    const int half = threads >> phase;
    if (thread < half) shared.sums[thread] += shared.sums[thread + half];
    if (phase == levels && thread == 0) sums[block] = shared.sums[0];
  }
};

/// The sums of a matrix's columns over a share of its rows. A block has a tile of columns, and the threads of each take the share's rows
/// in turns; the sum of term k of share s goes to sums[(s·terms + k)·columns]. Nothing is done where there is a condition and it is 0.
template <class T, class Function, class Sum>
struct SumColumnShares {
  static constexpr int threads = SumTile::threads, terms = Function::sums;
  struct Shared {
    double sums[terms][threads];
  };
  Function f;
  index_t rows, columns, rows_per_share;
  Divisor tiles;
  SumTile tile;
  Sum* sums;
  const double* condition;

  static constexpr int unrolled = 4;
  NASH_HOST_DEVICE static void add(const T* values, double* totals) {
    for (int k = 0; k < terms; ++k) totals[k] += static_cast<double>(values[k]);
  }

  NASH_HOST_DEVICE int phases() const { return condition == nullptr || *condition != 0 ? 2 + tile.lane_bits : 0; }
  NASH_HOST_DEVICE void run(int phase, index_t block, int thread, Shared& shared) const {
    std::uint32_t rest = static_cast<std::uint32_t>(block);
    const index_t tile_of_share = static_cast<index_t>(tiles.split(rest)), share = static_cast<index_t>(rest);
    const index_t column = (tile_of_share << tile.width_bits) + (thread & ((1 << tile.width_bits) - 1));
    const int lane = thread >> tile.width_bits;
    if (phase == 0) {
      double totals[terms] = {};
      const index_t end = (share + 1) * rows_per_share < rows ? (share + 1) * rows_per_share : rows;
      if (column < columns) {
        const index_t lanes = index_t{1} << tile.lane_bits;
        index_t row = share * rows_per_share + lane;
        for (; row + (unrolled - 1) * lanes < end; row += unrolled * lanes) {  // several loads under way before the first sum
          T values[unrolled][terms];
          for (int j = 0; j < unrolled; ++j) f((row + j * lanes) * columns + column, column, values[j]);
          for (int j = 0; j < unrolled; ++j) add(values[j], totals);
        }
        for (; row < end; row += lanes) {
          T values[terms];
          f(row * columns + column, column, values);
          add(values, totals);
        }
      }
      for (int k = 0; k < terms; ++k) shared.sums[k][thread] = totals[k];
    } else if (phase <= tile.lane_bits) {
      const int half = 1 << (tile.lane_bits - phase);
      if (lane < half)
        for (int k = 0; k < terms; ++k) shared.sums[k][thread] += shared.sums[k][thread + (half << tile.width_bits)];
    } else if (lane == 0 && column < columns) {
      for (int k = 0; k < terms; ++k) sums[(share * terms + k) * columns + column] = static_cast<Sum>(shared.sums[k][thread]);
    }
  }
};

/// The sums of a matrix's rows over a share of its columns, to sums[row·shares + share]: a block has a tile of rows, and the threads of
/// each, neighbours, take the share's columns in turns.
template <class Function>
struct SumRowShares {
  static constexpr int threads = SumTile::threads;
  struct Shared {
    double sums[threads];
  };
  Function f;
  index_t rows, columns, columns_per_share, shares;
  Divisor divisor;  // of shares
  SumTile tile;
  double* sums;
  const double* condition;

  NASH_HOST_DEVICE int phases() const { return condition == nullptr || *condition != 0 ? 2 + tile.lane_bits : 0; }
  NASH_HOST_DEVICE void run(int phase, index_t block, int thread, Shared& shared) const {
    std::uint32_t rest = static_cast<std::uint32_t>(block);
    const index_t share = static_cast<index_t>(divisor.split(rest)), row = (static_cast<index_t>(rest) << tile.width_bits) + (thread >> tile.lane_bits);
    const int lane = thread & ((1 << tile.lane_bits) - 1);
    if (phase == 0) {
      const index_t end = (share + 1) * columns_per_share < columns ? (share + 1) * columns_per_share : columns;
      const index_t first = row * columns + share * columns_per_share + lane;
      shared.sums[thread] = row < rows ? strided_sum(f, first, row * columns + end, index_t{1} << tile.lane_bits) : 0;
    } else if (phase <= tile.lane_bits) {
      const int half = 1 << (tile.lane_bits - phase);
      if (lane < half) shared.sums[thread] += shared.sums[thread + half];
    } else if (lane == 0 && row < rows) {
      sums[row * shares + share] = shared.sums[thread];
    }
  }
};

/// Σ x of a few numbers, for SumShares and SumRowShares
struct ShareValue {
  const double* x;
  NASH_HOST_DEVICE double operator()(index_t i) const { return x[i]; }
};

/// The same for SumColumnShares
struct ShareColumn {
  static constexpr int sums = 1;
  const double* x;
  NASH_HOST_DEVICE void operator()(index_t i, index_t, double* terms) const { terms[0] = x[i]; }
};

/// ReduceKernels of a GPU.
template <class Device>
struct ReduceKernels {
  template <class Function>
  static double sum(Context<Device>& context, index_t count, const Function& f) {
    const auto total = context.template scratch<double>(1);
    sum_into(context, count, f, total.data());
    return context.read(total.data());
  }

  template <class Function>
  static void sum_into(Context<Device>& context, index_t count, const Function& f, double* total) {
    const auto shares = context.template scratch<double>(most_shares);
    const index_t blocks = std::clamp<index_t>(ceiling_of_quotient(count, least_per_share), 1, most_shares);
    const bool safe = context.is_scratch(total);
    launch(context, blocks, SumShares<Function>{f, count, blocks, blocks == 1 ? total : shares.data()}, safe || blocks > 1);
    if (blocks > 1) launch(context, 1, SumShares<ShareValue>{{shares.data()}, blocks, 1, total}, safe);
  }

  template <class T, class Function>
  static void sum_columns(Context<Device>& context, index_t rows, index_t columns, const Function& f, T* sums) {
    if (columns == 0) return;
    constexpr index_t terms = Function::sums;
    const SumTile tile = SumTile::of(columns, rows, least_per_thread, widest);
    const index_t tiles = tile.tiles(columns);
    const index_t wanted = std::clamp<index_t>(rows >> (tile.lane_bits + least_bits), 1, std::max<index_t>(1, most_shares / tiles));
    const index_t rows_per_share = std::max<index_t>(1, ceiling_of_quotient(rows, wanted));
    const index_t shares = std::max<index_t>(1, ceiling_of_quotient(rows, rows_per_share));
    if (shares == 1) return add_columns<T>(context, rows, columns, f, tile, sums);
    const auto memory = context.template scratch<double>(shares * terms * columns);
    launch(context, shares * tiles, SumColumnShares<T, Function, double>{f, rows, columns, rows_per_share, Divisor(tiles), tile, memory.data(), nullptr}, true);
    add_columns<double>(context, shares, terms * columns, ShareColumn{memory.data()},
                        SumTile::of(terms * columns, shares, least_per_thread, widest_of_shares), sums);
  }

  /// Of sum_rows: kernels/row_sums.hpp.
  template <class Function>
  static void sum_rows(Context<Device>& context, index_t rows, index_t columns, const Function& f, double* sums) {
    if (rows == 0) return;
    const SumTile tile = row_tile(rows, columns);
    const index_t tiles = tile.tiles(rows);
    const index_t wanted = std::clamp<index_t>(columns >> (tile.lane_bits + least_bits), 1, std::max<index_t>(1, most_shares / tiles));
    const index_t columns_per_share = std::max<index_t>(1, ceiling_of_quotient(columns, wanted));
    const index_t shares = std::max<index_t>(1, ceiling_of_quotient(columns, columns_per_share));
    const auto memory = context.template scratch<double>(shares == 1 ? 0 : rows * shares);
    double* const to = shares == 1 ? sums : memory.data();
    launch(context, shares * tiles,
           SumRowShares<Function>{f, rows, columns, columns_per_share, shares, Divisor(shares), tile, to, context.condition()}, true);
    if (shares == 1) return;
    const SumTile last = row_tile(rows, shares);
    launch(context, last.tiles(rows), SumRowShares<ShareValue>{{memory.data()}, rows, shares, shares, 1, Divisor(1), last, sums, context.condition()}, true);
  }

 private:
  static constexpr index_t least_per_share = 1 << 12, most_shares = 1 << 9;  // enough blocks for every multiprocessor, few to add
  static constexpr int least_bits = 3;                                        // of what a thread adds at least, where there are threads for it
  static constexpr index_t least_per_thread = 1 << least_bits;
  static constexpr int widest = 5, widest_of_shares = 3;  // 32 columns: as many as a warp has threads; 8 sums of 8 bytes: 64 neighbouring bytes

  static SumTile row_tile(index_t rows, index_t columns) { return SumTile::of(rows, columns, least_per_thread, 0); }

  /// All rows in one share.
  template <class T, class Function, class Sum>
  static void add_columns(Context<Device>& context, index_t rows, index_t columns, const Function& f, const SumTile& tile, Sum* sums) {
    const index_t tiles = tile.tiles(columns);
    launch(context, tiles,
           SumColumnShares<T, Function, Sum>{f, rows, columns, std::max<index_t>(1, rows), Divisor(tiles), tile, sums, context.condition()}, true);
  }
};

}  // namespace gpu
}  // namespace nash
