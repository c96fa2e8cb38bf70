// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <optional>

#include "nash/tensor/gpu/driver.hpp"

namespace nash::cuda {

static_assert(!NASH_LACKS_CUDNN, "NASH_CUDNN=1 asks for convolutions by cuDNN, but the compiler finds no <cudnn.h>: name cuDNN's include folder by -I "
                                 "(pip's is nvidia/cudnn/include among its packages), or leave NASH_CUDNN out");

/// No library of convolutions: all are nash's own. See cudnn.hpp for the other one.
class Convolutions {
 public:
  std::optional<std::size_t> workspace(cudaStream_t, const LibraryConvolution::Problem&) const { return std::nullopt; }
  void run(const LibraryConvolution&) const {}
};

}  // namespace nash::cuda
