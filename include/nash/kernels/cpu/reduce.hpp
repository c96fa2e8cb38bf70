// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {

template <>
struct ReduceKernels<Cpu> {
  template <class Function>
  static double sum(Context<Cpu>& context, index_t count, const Function& f) {
    const index_t chunks = (count + chunk_size - 1) / chunk_size;
    const auto partial = context.template scratch<double>(chunks);
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (chunks > 1)
    for (index_t chunk = 0; chunk < chunks; ++chunk) {
      double total = 0;
      for (index_t i = chunk * chunk_size; i < std::min(count, (chunk + 1) * chunk_size); ++i) total += f(i);
      partial.data()[chunk] = total;
    }
    double total = 0;
    for (index_t chunk = 0; chunk < chunks; ++chunk) total += partial.data()[chunk];
    return total;
  }

  template <class T, class Function>
  static void sum_columns(Context<Cpu>& context, index_t rows, index_t columns, const Function& f, T* sums) {
    constexpr int terms = Function::sums;
    const index_t rows_per_chunk = std::max<index_t>(rows_per_group, chunk_size / std::max<index_t>(columns, 1));
    const index_t chunks = std::max<index_t>(1, (rows + rows_per_chunk - 1) / rows_per_chunk);
    const auto partial = context.template scratch<double>(chunks * terms * columns);
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (chunks > 1)
    for (index_t chunk = 0; chunk < chunks; ++chunk)
      for (index_t column = 0; column < columns; column += tile)
        sum_tile<T>(f, columns, chunk * rows_per_chunk, std::min(rows, (chunk + 1) * rows_per_chunk), column,
                    std::min(columns, column + tile), partial.data() + chunk * terms * columns);
    for (index_t i = 0; i < terms * columns; ++i) {
      double total = 0;
      for (index_t chunk = 0; chunk < chunks; ++chunk) total += partial.data()[chunk * terms * columns + i];
      sums[i] = static_cast<T>(total);
    }
  }

 private:
  static constexpr index_t chunk_size = 1 << 13;     // elements that one thread sums on its own
  static constexpr index_t tile = 64;                // columns whose sums stay in the nearest cache
  static constexpr index_t rows_per_group = 16;      // so many rows are summed in T before the sum goes on in double

  template <class T, class Function>
  static void sum_tile(const Function& function, index_t columns, index_t first_row, index_t end_row, index_t first_column,
                       index_t end_column, double* partial) {
    constexpr int terms = Function::sums;
    const Function f = function;
    const index_t width = end_column - first_column;
    double totals[terms][tile] = {};
    for (index_t group = first_row; group < end_row; group += rows_per_group) {
      T sums[terms][tile] = {};
      for (index_t row = group; row < std::min(end_row, group + rows_per_group); ++row) {
#pragma omp simd
        for (index_t j = 0; j < width; ++j) {
          T term[terms];
          f(row * columns + first_column + j, first_column + j, term);
          for (int k = 0; k < terms; ++k) sums[k][j] += term[k];
        }
      }
      for (int k = 0; k < terms; ++k)
        for (index_t j = 0; j < width; ++j) totals[k][j] += static_cast<double>(sums[k][j]);
    }
    for (int k = 0; k < terms; ++k)
      for (index_t j = 0; j < width; ++j) partial[k * columns + first_column + j] = totals[k][j];
  }
};

}  // namespace nash
NASH_END_SIMD_LOOPS
