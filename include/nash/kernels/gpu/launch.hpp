// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/gpu/context.hpp"

namespace nash {

/// Runs a kernel on so many blocks of threads. A kernel is a struct of plain numbers and pointers:
///
///     static constexpr int threads                      of each block
///     struct Shared                                     memory that the threads of a block share; at first of any values
///     int phases() const                                phases of the work
///     void run(int phase, index_t block, int thread, Shared& shared) const
///
/// the last two NASH_HOST_DEVICE. Every thread of a block ends a phase before any begins the next; that is all that is promised
/// of the order of threads, and nothing of that of blocks. So a kernel is run by a GPU's threads, or by two loops on the host.
/// A safe one changes nothing that lasts where the context's condition() says so: it does nothing then, or writes scratch memory.
template <class Device, class Kernel>
void launch(GpuContext<Device>& context, index_t blocks, const Kernel& kernel, bool safe = false) {
  if (blocks > 0) context.add(KernelLaunch::of(Driver<Device>::template entry<Kernel>(), blocks, kernel), safe);
}

/// What kernels of one phase share: nothing.
struct NothingShared {};

inline index_t ceiling_of_quotient(index_t a, index_t b) { return (a + b - 1) / b; }

}  // namespace nash
