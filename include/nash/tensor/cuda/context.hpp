// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/cuda/driver.hpp"
#include "nash/tensor/gpu/context.hpp"

namespace nash {

template <>
struct Memory<Cuda> : GpuMemory<Cuda> {};

/// An NVIDIA GPU, the one that the calling thread has selected: Gpu<Cuda>::select(1) before networks, tensors and contexts are made.
template <>
class Context<Cuda> : public GpuContext<Cuda> {
 public:
  using GpuContext<Cuda>::GpuContext;
};

}  // namespace nash
