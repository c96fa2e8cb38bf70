// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gpu/reduce.hpp"
#include "nash/tensor/cuda/context.hpp"

namespace nash {

template <>
struct ReduceKernels<Cuda> : gpu::ReduceKernels<Cuda> {};

}  // namespace nash
