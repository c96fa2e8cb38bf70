// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <source_location>
#include <string_view>

#include "nash/core/error.hpp"

namespace nash::cuda {

/// What to do about the errors that users meet.
inline const char* remedy_of(cudaError_t error) {
  switch (error) {
    case cudaErrorNoDevice: return "run this on a machine with an NVIDIA GPU that this process may see (CUDA_VISIBLE_DEVICES), or use Cpu";
    case cudaErrorInsufficientDriver: return "install a newer NVIDIA driver (nvidia-smi shows its version), or build with an older CUDA";
    case cudaErrorMemoryAllocation: return "use smaller sizes or batches, or a GPU with more memory that is free";
    case cudaErrorNoKernelImageForDevice: return "build for this GPU's architecture: set CMAKE_CUDA_ARCHITECTURES";
    case cudaErrorInvalidDevice: return "choose one of the machine's GPUs";
    default: return "run the program under compute-sanitizer, which names the kernel and the address";
  }
}

inline std::string place_of(const std::source_location& place) {
  const std::string_view file = place.file_name();
  return concat({file.substr(file.rfind("nash/") == std::string_view::npos ? 0 : file.rfind("nash/")), ":", place.line()});
}

/// Throws DeviceError, with the call, where it is and what to do, unless the call has succeeded.
inline void check(cudaError_t result, std::string_view call, const std::source_location& place = std::source_location::current()) {
  if (result == cudaSuccess) return;
  (void)cudaGetLastError();  // so that no later call is blamed, where the error is one that passes
  throw DeviceError("Cuda", concat({call, " failed at ", place_of(place), ": ", cudaGetErrorString(result)}), remedy_of(result));
}

inline void check(cublasStatus_t result, std::string_view call, const std::source_location& place = std::source_location::current()) {
  if (result == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError("Cuda", concat({call, " failed at ", place_of(place), ": ", cublasGetStatusString(result)}),
                    result == CUBLAS_STATUS_ALLOC_FAILED ? "use smaller sizes or batches, or a GPU with more memory that is free"
                                                         : "check that cuBLAS is of the CUDA version that the program was built with");
}

}  // namespace nash::cuda
