// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gpu/gemm.hpp"
#include "nash/tensor/cuda/context.hpp"

namespace nash {

template <>
struct GemmKernels<Cuda> : gpu::GemmKernels<Cuda> {};

}  // namespace nash
