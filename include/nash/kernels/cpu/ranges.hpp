// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/tensor/context.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash::cpu {

// The loops of a task over [begin, end), with AVX2 or for whatever the file is compiled for. Wider vectors would bring nothing
// to maps and sums: they wait for memory. No multiply-adds, so that the values are those of plain loops, to the last bit. Tasks
// come as void, so that the threads' part is compiled once.
template <class Task>
NASH_RARE_ON_X86 void run_baseline(const void* task, index_t begin, index_t end) {
  static_cast<const Task*>(task)->run(begin, end);
}
template <class Task>
NASH_TARGET_AVX2_NO_FMA void run_avx2(const void* task, index_t begin, index_t end) {
  static_cast<const Task*>(task)->run(begin, end);
}

template <class Task>
concept ScalarWork = requires { requires decltype(Task::f)::scalar_work; };

using RangeFunction = void (*)(const void* task, index_t begin, index_t end);

inline void for_ranges(int threads, index_t count, index_t step, RangeFunction run, const void* task) {
  const index_t ranges = (count + step - 1) / step;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (index_t range = 0; range < ranges; ++range) run(task, range * step, std::min(count, (range + 1) * step));
}

/// task.run(begin, end) for ranges of `step` that cover [0, count): the same ranges whatever the number of threads.
template <class Task>
void for_ranges(Context<Cpu>& context, index_t count, index_t step, bool parallel, const Task& task) {
  RangeFunction run = run_baseline<Task>;
  if constexpr (!ScalarWork<Task>)
    if (context.instruction_set() >= InstructionSet::avx2) run = run_avx2<Task>;
  for_ranges(parallel ? context.threads() : 1, count, step, run, &task);
}

}  // namespace nash::cpu
NASH_END_SIMD_LOOPS
