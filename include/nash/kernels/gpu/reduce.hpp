// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/gpu/pointwise.hpp"
#include "nash/kernels/reduce.hpp"

namespace nash {
namespace gpu {

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
      double total = 0;
      for (index_t i = block * threads + thread; i < count; i += blocks * threads) total += f(i);
      shared.sums[thread] = total;
      return;
    }
    const int half = threads >> phase;
    if (thread < half) shared.sums[thread] += shared.sums[thread + half];
    if (phase == levels && thread == 0) sums[block] = shared.sums[0];
  }
};

/// The sums of a matrix's columns over a share of its rows. A block has a tile of columns, with several threads for each, which
/// take the share's rows in turns; sums of term k of share s go to sums[(s·terms + k)·columns].
template <class T, class Function>
struct SumColumnShares {
  static constexpr int threads = 256, terms = Function::sums;
  struct Shared {
    double sums[terms][threads];
  };
  Function f;
  index_t rows, columns, rows_per_share, tiles;
  int width_bits, lane_bits;  // a tile has 2^width_bits columns, and each of them 2^lane_bits threads
  double* sums;

  NASH_HOST_DEVICE int phases() const { return 2 + lane_bits; }
  NASH_HOST_DEVICE void run(int phase, index_t block, int thread, Shared& shared) const {
    const index_t share = block / tiles, column = (block % tiles << width_bits) + (thread & ((1 << width_bits) - 1));
    const int lane = thread >> width_bits;
    if (phase == 0) {
      double totals[terms] = {};
      const index_t end = (share + 1) * rows_per_share < rows ? (share + 1) * rows_per_share : rows;
      if (column < columns)
        for (index_t row = share * rows_per_share + lane; row < end; row += index_t{1} << lane_bits) {
          T values[terms];
          f(row * columns + column, column, values);
          for (int k = 0; k < terms; ++k) totals[k] += static_cast<double>(values[k]);
        }
      for (int k = 0; k < terms; ++k) shared.sums[k][thread] = totals[k];
    } else if (phase <= lane_bits) {
      const int half = 1 << (lane_bits - phase);
      if (lane < half)
        for (int k = 0; k < terms; ++k) shared.sums[k][thread] += shared.sums[k][thread + (half << width_bits)];
    } else if (lane == 0 && column < columns) {
      for (int k = 0; k < terms; ++k) sums[(share * terms + k) * columns + column] = shared.sums[k][thread];
    }
  }
};

/// sums[i] := Σ over the shares of their sums, in order
template <class T>
struct AddShares {
  const double* shares;
  index_t count, size;
  T* sums;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    double total = 0;
    for (index_t share = 0; share < count; ++share) total += shares[share * size + i];
    sums[i] = static_cast<T>(total);
  }
};

/// Σ x of a few numbers, for SumShares
struct ShareValue {
  const double* x;
  NASH_HOST_DEVICE double operator()(index_t i) const { return x[i]; }
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
    int width_bits = 0;
    while (width_bits < widest && index_t{1} << width_bits < columns) ++width_bits;
    const int lane_bits = 8 - width_bits;
    const index_t tiles = ceiling_of_quotient(columns, index_t{1} << width_bits);
    const index_t least_rows = rows_per_thread << lane_bits;
    const index_t wanted = std::clamp<index_t>(ceiling_of_quotient(rows, least_rows), 1, std::max<index_t>(1, most_shares / tiles));
    const index_t rows_per_share = std::max<index_t>(1, ceiling_of_quotient(rows, wanted));
    const index_t shares = std::max<index_t>(1, ceiling_of_quotient(rows, rows_per_share));
    const auto memory = context.template scratch<double>(shares * terms * columns);
    launch(context, shares * tiles,
           SumColumnShares<T, Function>{f, rows, columns, rows_per_share, tiles, width_bits, lane_bits, memory.data()}, true);
    PointwiseKernels<Device>::for_each(context, terms * columns, AddShares<T>{memory.data(), shares, terms * columns, sums});
  }

 private:
  static constexpr index_t least_per_share = 1 << 12, most_shares = 1 << 9;  // enough blocks for every multiprocessor, few to add
  static constexpr int widest = 5;                                            // 32 columns: as many as a warp has threads
  static constexpr index_t rows_per_thread = 8;
};

}  // namespace gpu
}  // namespace nash
