// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gpu/conv2d.hpp"
#include "nash/tensor/cuda/context.hpp"

namespace nash {

template <>
struct Conv2dKernels<Cuda> : gpu::Conv2dKernels<Cuda> {};

}  // namespace nash
