// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/pointwise.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {

template <>
struct PointwiseKernels<Cpu> {
  /// Below this many elements a second thread costs more than it brings.
  static constexpr index_t parallel_from = 1 << 14;

  template <class Function>
  static void for_each(Context<Cpu>& context, index_t count, const Function& function) {
    const Function f = function;  // a copy of our own: the compiler then knows that f's pointers stay what they are
#pragma omp parallel for simd schedule(static) num_threads(context.threads()) if (count >= parallel_from)
    for (index_t i = 0; i < count; ++i) f(i);
  }

  template <class Function>
  static void for_each_in_rows(Context<Cpu>& context, index_t rows, index_t columns, const Function& function) {
    const Function f = function;
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (rows * columns >= parallel_from)
    for (index_t row = 0; row < rows; ++row) {
#pragma omp simd
      for (index_t column = 0; column < columns; ++column) f(row * columns + column, column);
    }
  }
};

}  // namespace nash
NASH_END_SIMD_LOOPS
