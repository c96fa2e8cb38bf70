// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {

namespace cpu {

template <class Function>
NASH_ALWAYS_INLINE double sum_chunk(const Function& function, index_t begin, index_t end) {
  const Function f = function;
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (index_t i = begin; i < end; ++i) total += f(i);
  return total;
}
template <class Function>
double sum_chunk_baseline(const Function& f, index_t begin, index_t end) {
  return sum_chunk(f, begin, end);
}
template <class Function>
NASH_TARGET_AVX2 double sum_chunk_avx2(const Function& f, index_t begin, index_t end) {
  return sum_chunk(f, begin, end);
}

/// A part of a matrix, and where the sums of its columns go: those of term k begin at sums[k·columns].
struct SumTile {
  index_t columns, first_row, end_row, first_column, end_column;
  double* sums;
};

inline constexpr index_t sum_tile_columns = 64;  // whose sums stay in the nearest cache

template <class T, class Function>
NASH_ALWAYS_INLINE void sum_tile(const Function& function, const SumTile& tile) {
  constexpr int terms = Function::sums;
  constexpr index_t rows_per_group = 16;  // so many rows are summed in T before the sum goes on in double
  const Function f = function;
  const index_t width = tile.end_column - tile.first_column;
  double totals[terms][sum_tile_columns] = {};
  for (index_t group = tile.first_row; group < tile.end_row; group += rows_per_group) {
    T sums[terms][sum_tile_columns] = {};
    for (index_t row = group; row < std::min(tile.end_row, group + rows_per_group); ++row) {
#pragma omp simd
      for (index_t j = 0; j < width; ++j) {
        T term[terms];
        f(row * tile.columns + tile.first_column + j, tile.first_column + j, term);
        for (int k = 0; k < terms; ++k) sums[k][j] += term[k];
      }
    }
    for (int k = 0; k < terms; ++k)
      for (index_t j = 0; j < width; ++j) totals[k][j] += static_cast<double>(sums[k][j]);
  }
  for (int k = 0; k < terms; ++k)
    for (index_t j = 0; j < width; ++j) tile.sums[k * tile.columns + tile.first_column + j] = totals[k][j];
}
template <class T, class Function>
void sum_tile_baseline(const Function& f, const SumTile& tile) {
  sum_tile<T>(f, tile);
}
template <class T, class Function>
NASH_TARGET_AVX2 void sum_tile_avx2(const Function& f, const SumTile& tile) {
  sum_tile<T>(f, tile);
}

}  // namespace cpu

template <>
struct ReduceKernels<Cpu> {
  template <class Function>
  static double sum(Context<Cpu>& context, index_t count, const Function& f) {
    const auto run = context.instruction_set() >= InstructionSet::avx2 ? cpu::sum_chunk_avx2<Function> : cpu::sum_chunk_baseline<Function>;
    const index_t chunks = (count + chunk_size - 1) / chunk_size;
    const auto partial = context.template scratch<double>(chunks);
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (chunks > 1)
    for (index_t chunk = 0; chunk < chunks; ++chunk)
      partial.data()[chunk] = run(f, chunk * chunk_size, std::min(count, (chunk + 1) * chunk_size));
    double total = 0;
    for (index_t chunk = 0; chunk < chunks; ++chunk) total += partial.data()[chunk];
    return total;
  }

  template <class T, class Function>
  static void sum_columns(Context<Cpu>& context, index_t rows, index_t columns, const Function& f, T* sums) {
    constexpr int terms = Function::sums;
    const auto run = context.instruction_set() >= InstructionSet::avx2 ? cpu::sum_tile_avx2<T, Function> : cpu::sum_tile_baseline<T, Function>;
    const index_t rows_per_chunk = std::max<index_t>(least_rows, chunk_size / std::max<index_t>(columns, 1));
    const index_t chunks = std::max<index_t>(1, (rows + rows_per_chunk - 1) / rows_per_chunk);
    const auto partial = context.template scratch<double>(chunks * terms * columns);
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (chunks > 1)
    for (index_t chunk = 0; chunk < chunks; ++chunk)
      for (index_t column = 0; column < columns; column += cpu::sum_tile_columns)
        run(f, {columns, chunk * rows_per_chunk, std::min(rows, (chunk + 1) * rows_per_chunk), column,
                std::min(columns, column + cpu::sum_tile_columns), partial.data() + chunk * terms * columns});
    for (index_t i = 0; i < terms * columns; ++i) {
      double total = 0;
      for (index_t chunk = 0; chunk < chunks; ++chunk) total += partial.data()[chunk * terms * columns + i];
      sums[i] = static_cast<T>(total);
    }
  }

 private:
  static constexpr index_t chunk_size = 1 << 13;  // elements that one thread sums on its own
  static constexpr index_t least_rows = 16;       // and rows
};

}  // namespace nash
NASH_END_SIMD_LOOPS
