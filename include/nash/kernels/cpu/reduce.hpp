// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/ranges.hpp"
#include "nash/kernels/reduce.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {
namespace cpu {

/// The sum over each chunk of a range of chunks.
template <class Function>
struct SumChunks {
  Function f;
  index_t count, chunk;
  double* sums;

  template <bool vectors>
  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    const Function own = f;
    for (index_t c = begin; c < end; ++c) {
      double total = 0;
      const index_t last = std::min(count, (c + 1) * chunk);
#pragma omp simd if(vectors) reduction(+ : total)
      for (index_t i = c * chunk; i < last; ++i) total += own(i);
      sums[c] = total;
    }
  }
};

/// totals += partial, of the first `width` of `tile` columns for each term; once for all functions whose sums these are.
template <class T>
NASH_NOINLINE void add_to_totals(const T* partial, int terms, index_t tile, index_t width, double* totals) {
  for (index_t k = 0; k < terms; ++k)
    for (index_t j = 0; j < width; ++j) totals[k * tile + j] += static_cast<double>(partial[k * tile + j]);
}

/// The sums of a matrix's columns over each chunk of its rows: those of term k of chunk c begin at sums[(c·terms + k)·columns].
template <class T, class Function>
struct SumColumns {
  static constexpr int terms = Function::sums;
  static constexpr index_t tile = 64;            // columns whose sums stay in the nearest cache
  static constexpr index_t rows_per_group = 16;  // so many rows are summed in T before the sum goes on in double

  Function f;
  index_t rows, columns, chunk;
  double* sums;

  template <bool vectors>
  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    for (index_t c = begin; c < end; ++c)
      for (index_t column = 0; column < columns; column += tile)
        sum_tile<vectors>(c * chunk, std::min(rows, (c + 1) * chunk), column, std::min(columns, column + tile), sums + c * terms * columns);
  }

 private:
  template <bool vectors>
  NASH_ALWAYS_INLINE void sum_tile(index_t first_row, index_t end_row, index_t first_column, index_t end_column, double* to) const {
    const Function own = f;
    const index_t all = columns, width = end_column - first_column;
    double totals[terms * tile] = {};
    for (index_t group = first_row; group < end_row; group += rows_per_group) {
      T partial[terms][tile] = {};
      for (index_t row = group; row < std::min(end_row, group + rows_per_group); ++row) {
#pragma omp simd if(vectors)
        for (index_t j = 0; j < width; ++j) add_terms(own, row * all + first_column + j, first_column + j, partial, j);
      }
      add_to_totals(partial[0], terms, tile, width, totals);
    }
    for (int k = 0; k < terms; ++k) std::copy_n(totals + k * tile, width, to + k * all + first_column);
  }

  /// A function of its own, since an array among the variables of a loop keeps the compiler from making vectors of it.
  NASH_ALWAYS_INLINE static void add_terms(const Function& f, index_t i, index_t column, T (*partial)[tile], index_t j) {
    T term[terms];
    f(i, column, term);
    for (int k = 0; k < terms; ++k) partial[k][j] += term[k];
  }
};

}  // namespace cpu

template <>
struct ReduceKernels<Cpu> {
  template <class Function>
  static double sum(Context<Cpu>& context, index_t count, const Function& f) {
    const index_t chunks = (count + chunk_size - 1) / chunk_size;
    const auto partial = context.template scratch<double>(chunks);
    cpu::for_ranges(context, chunks, 1, chunks > 1, cpu::SumChunks<Function>{f, count, chunk_size, partial.data()});
    double total = 0;
    for (index_t chunk = 0; chunk < chunks; ++chunk) total += partial.data()[chunk];
    return total;
  }

  template <class T, class Function>
  static void sum_columns(Context<Cpu>& context, index_t rows, index_t columns, const Function& f, T* sums) {
    constexpr int terms = Function::sums;
    const index_t chunk = std::max<index_t>(least_rows, chunk_size / std::max<index_t>(columns, 1));
    const index_t chunks = std::max<index_t>(1, (rows + chunk - 1) / chunk);
    const auto partial = context.template scratch<double>(chunks * terms * columns);
    cpu::for_ranges(context, chunks, 1, chunks > 1, cpu::SumColumns<T, Function>{f, rows, columns, chunk, partial.data()});
    for (index_t i = 0; i < terms * columns; ++i) {
      double total = 0;
      for (index_t c = 0; c < chunks; ++c) total += partial.data()[c * terms * columns + i];
      sums[i] = static_cast<T>(total);
    }
  }

 private:
  static constexpr index_t chunk_size = 1 << 13;  // elements that one thread sums on its own
  static constexpr index_t least_rows = 16;       // and rows
};

}  // namespace nash
NASH_END_SIMD_LOOPS
