// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/pointwise.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {
namespace cpu {

/// How many elements of a plain map take as long as one of this: random numbers, which come by fours, and whatever has no vectors are
/// shared by threads much sooner.
template <class Function>
inline constexpr index_t work_of = requires { &Function::one; } || requires { requires Function::scalar_work; } ? 16 : 1;

/// A map over the elements [begin, end).
template <class Function>
struct Map {
  Function f;

  template <bool vectors>
  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    const Function own = f;  // a copy of our own: the compiler then knows that its pointers stay what they are
#pragma omp simd if(vectors)
    for (index_t i = begin; i < end; ++i) own(i);
  }
};

/// A map over the rows [begin, end) of a matrix.
template <class Function>
struct MapRows {
  Function f;
  index_t columns;

  template <bool vectors>
  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    const Function own = f;
    const index_t width = columns;
    for (index_t row = begin; row < end; ++row) {
#pragma omp simd if(vectors)
      for (index_t column = 0; column < width; ++column) own(row * width + column, column);
    }
  }
};

}  // namespace cpu

template <>
struct PointwiseKernels<Cpu> {
  template <class Function>
  static void for_each(Context<Cpu>& context, index_t count, const Function& f) {
    constexpr index_t work = cpu::work_of<Function>;
    cpu::for_ranges(context, count, cpu::map_chunk / work, count * work >= cpu::map_parallel_from, cpu::Map<Function>{f});
  }

  template <class Function>
  static void for_each_in_rows(Context<Cpu>& context, index_t rows, index_t columns, const Function& f) {
    const index_t step = std::max<index_t>(1, cpu::map_chunk / std::max<index_t>(columns, 1));
    cpu::for_ranges(context, rows, step, rows * columns >= cpu::map_parallel_from, cpu::MapRows<Function>{f, columns});
  }

  template <class Function>
  static cpu::Map<Function> map(const Function& f) {
    return {f};
  }
  template <class T, class Function>
  static cpu::Epilogue<T> epilogue(const Context<Cpu>& context, T* y, const cpu::Map<Function>& map) {
    return {context, y, map};
  }
  template <class T, class Function>
  static cpu::Epilogue<T> epilogue(const Context<Cpu>&, T*, const cpu::Map<Function>&&) = delete;
};

}  // namespace nash
NASH_END_SIMD_LOOPS
