// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <optional>

#include "nash/tensor/gpu/driver.hpp"

namespace nash::cuda {

/// No library of convolutions: all are nash's own. See cudnn.hpp for the other one.
class Convolutions {
 public:
  std::optional<std::size_t> workspace(cudaStream_t, const LibraryConvolution::Problem&) const { return std::nullopt; }
  void run(const LibraryConvolution&) const {}
};

}  // namespace nash::cuda
