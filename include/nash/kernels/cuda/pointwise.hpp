// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gpu/pointwise.hpp"
#include "nash/tensor/cuda/context.hpp"

namespace nash {

template <>
struct PointwiseKernels<Cuda> : gpu::PointwiseKernels<Cuda> {};

}  // namespace nash
