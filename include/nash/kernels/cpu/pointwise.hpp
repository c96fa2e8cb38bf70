// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/ranges.hpp"
#include "nash/kernels/pointwise.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {
namespace cpu {

/// A map over the elements [begin, end).
template <class Function>
struct Map {
  Function f;

  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    const Function own = f;  // a copy of our own: the compiler then knows that its pointers stay what they are
#pragma omp simd
    for (index_t i = begin; i < end; ++i) own(i);
  }
};

/// A map over the rows [begin, end) of a matrix.
template <class Function>
struct MapRows {
  Function f;
  index_t columns;

  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    const Function own = f;
    const index_t width = columns;
    for (index_t row = begin; row < end; ++row) {
#pragma omp simd
      for (index_t column = 0; column < width; ++column) own(row * width + column, column);
    }
  }
};

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
    cpu::for_ranges(context, count, chunk, count >= parallel_from, cpu::Map<Function>{f});
  }

  template <class Function>
  static void for_each_in_rows(Context<Cpu>& context, index_t rows, index_t columns, const Function& f) {
    const index_t step = std::max<index_t>(1, chunk / std::max<index_t>(columns, 1));
    cpu::for_ranges(context, rows, step, rows * columns >= parallel_from, cpu::MapRows<Function>{f, columns});
  }
};

}  // namespace nash
NASH_END_SIMD_LOOPS
