// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/tensor/context.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash::cpu {

/// Below this many elements of a map a second thread costs more than it brings.
inline constexpr index_t map_parallel_from = 1 << 14;
/// So many at a time, whatever the number of threads: whether an element is done in a vector or in the rest of a loop may
/// change its last bit, and so may not depend on the threads.
inline constexpr index_t map_chunk = 1 << 12;

// The loops of a task over [begin, end), with AVX2 or for whatever the file is compiled for. Wider vectors would bring nothing
// to maps and sums: they wait for memory. No multiply-adds, so that the values are those of plain loops, to the last bit. Tasks
// come as void, so that the threads' part is compiled once. On x86 the processors without AVX2 are so few that their loops
// have no vectors at all, which saves a twentieth of the time to compile.
template <class Task>
NASH_RARE_ON_X86 void run_baseline(const void* task, index_t begin, index_t end) {
  static_cast<const Task*>(task)->template run<!NASH_X86>(begin, end);
}
template <class Task>
NASH_TARGET_AVX2_NO_FMA void run_avx2(const void* task, index_t begin, index_t end) {
  static_cast<const Task*>(task)->template run<true>(begin, end);
}

template <class Task>
concept ScalarWork = requires { requires decltype(Task::f)::scalar_work; };

using RangeFunction = void (*)(const void* task, index_t begin, index_t end);

inline void for_ranges(int threads, index_t count, index_t step, RangeFunction run, const void* task) {
  const index_t ranges = (count + step - 1) / step;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (index_t range = 0; range < ranges; ++range) run(task, range * step, std::min(count, (range + 1) * step));
}

/// The loops of a task for the context's instruction set.
template <class Task>
RangeFunction range_function(const Context<Cpu>& context) {
  if constexpr (!ScalarWork<Task>)
    if (context.instruction_set() >= InstructionSet::avx2) return run_avx2<Task>;
  return run_baseline<Task>;
}

/// task.run(begin, end) for ranges of `step` that cover [0, count): the same ranges whatever the number of threads.
template <class Task>
void for_ranges(Context<Cpu>& context, index_t count, index_t step, bool parallel, const Task& task) {
  for_ranges(parallel ? context.threads() : 1, count, step, range_function<Task>(context), &task);
}

}  // namespace nash::cpu
NASH_END_SIMD_LOOPS
