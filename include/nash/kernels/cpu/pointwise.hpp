// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/pointwise.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {
namespace cpu {

// The loops of a map over [begin, end), and over whole rows, once for the base instruction set and once for AVX2. Wider
// vectors would bring nothing: these loops wait for memory.

template <class Function>
NASH_ALWAYS_INLINE void map(const Function& function, index_t begin, index_t end) {
  const Function f = function;  // a copy of our own: the compiler then knows that f's pointers stay what they are
#pragma omp simd
  for (index_t i = begin; i < end; ++i) f(i);
}

template <class Function>
NASH_ALWAYS_INLINE void map_rows(const Function& function, index_t begin, index_t end, index_t columns) {
  const Function f = function;
  for (index_t row = begin; row < end; ++row) {
#pragma omp simd
    for (index_t column = 0; column < columns; ++column) f(row * columns + column, column);
  }
}

template <class Function>
void map_baseline(const Function& f, index_t begin, index_t end) {
  map(f, begin, end);
}
template <class Function>
NASH_TARGET_AVX2 void map_avx2(const Function& f, index_t begin, index_t end) {
  map(f, begin, end);
}
template <class Function>
void map_rows_baseline(const Function& f, index_t begin, index_t end, index_t columns) {
  map_rows(f, begin, end, columns);
}
template <class Function>
NASH_TARGET_AVX2 void map_rows_avx2(const Function& f, index_t begin, index_t end, index_t columns) {
  map_rows(f, begin, end, columns);
}

}  // namespace cpu

template <>
struct PointwiseKernels<Cpu> {
  /// Below this many elements a second thread costs more than it brings.
  static constexpr index_t parallel_from = 1 << 14;
  /// So many at a time, whatever the number of threads: whether an element is done in a vector or in the rest of a loop may
  /// change its last bit, and so may not depend on the threads.
  static constexpr index_t chunk = 1 << 12;

  template <class Function>
  static void for_each(Context<Cpu>& context, index_t count, const Function& f) {
    const auto run = context.instruction_set() >= InstructionSet::avx2 ? cpu::map_avx2<Function> : cpu::map_baseline<Function>;
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (count >= parallel_from)
    for (index_t begin = 0; begin < count; begin += chunk) run(f, begin, std::min(count, begin + chunk));
  }

  template <class Function>
  static void for_each_in_rows(Context<Cpu>& context, index_t rows, index_t columns, const Function& f) {
    const auto run = context.instruction_set() >= InstructionSet::avx2 ? cpu::map_rows_avx2<Function> : cpu::map_rows_baseline<Function>;
    const index_t step = std::max<index_t>(1, chunk / std::max<index_t>(columns, 1));
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (rows * columns >= parallel_from)
    for (index_t row = 0; row < rows; row += step) run(f, row, std::min(rows, row + step), columns);
  }
};

}  // namespace nash
NASH_END_SIMD_LOOPS
