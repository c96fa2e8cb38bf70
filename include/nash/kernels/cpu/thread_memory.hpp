// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/product_operands.hpp"
#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// Uninitialised memory for each thread of a parallel region, far from what anybody else uses: a core fetches ahead, and would take from another what
/// that is writing. (On an Intel Xeon with tile registers two threads took up to three times as long side by side, half of the time a page apart, and
/// never at four pages.)
template <class T>
class ThreadMemory {
 public:
  /// `count` values for each.
  ThreadMemory(Context<Cpu>& context, index_t count) : step_(round_up(count, page) + gap), memory_(context.template scratch<T>(gap + context.threads() * step_)) {}

  /// The calling thread's.
  T* own() const { return memory_.data() + gap + this_thread() * step_; }

 private:
  static constexpr index_t page = divide_up(4096, sizeof(T)), gap = 4 * page;  // values

  index_t step_;
  typename Arena<Cpu>::template Scratch<T> memory_;
};

}  // namespace nash::cpu
