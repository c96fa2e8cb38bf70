// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cudnn.h>

static_assert(CUDNN_MAJOR == 9, "nash takes convolutions from cuDNN 9, and the compiler finds another version of <cudnn.h>: name the include folder of "
                                "cuDNN 9 by -I, before others, or leave NASH_CUDNN out");

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "nash/tensor/cuda/check.hpp"

namespace nash::cuda {

inline const char* remedy_of(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_NOT_INITIALIZED: return "check that the program finds a GPU and a driver that this cuDNN supports, or build without NASH_CUDNN";
    case CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH:
    case CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED:
    case CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE:
      return "let the program find all of cuDNN's libraries, of the version that it was built with (LD_LIBRARY_PATH)";
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED: return "use smaller sizes or batches, or a GPU with more memory that is free";
    case CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH: return "use a cuDNN that supports this GPU, or build without NASH_CUDNN";
    default: return "use nash's own convolutions instead: context.set_library_convolutions(LibraryConvolutions::none)";
  }
}

/// Throws DeviceError, with the call, where it is and what to do, unless the call has succeeded.
inline void check(cudnnStatus_t result, std::string_view call, const std::source_location& place = std::source_location::current()) {
  if (result == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError("Cuda", concat({call, " failed at ", place_of(place), ": ", cudnnGetErrorString(result)}), remedy_of(result));
}

/// A descriptor of cuDNN's graph API, which belongs to whoever has this: its attributes are set, then it is finalized, then it is used.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type) {
    cudnnBackendDescriptor_t descriptor = nullptr;
    check(cudnnBackendCreateDescriptor(type, &descriptor), "cudnnBackendCreateDescriptor");
    descriptor_.reset(descriptor);
  }

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::initializer_list<T> values) {
    check(cudnnBackendSetAttribute(get(), name, type_of(T()), static_cast<std::int64_t>(values.size()), values.begin()), "cudnnBackendSetAttribute");
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) {
    const cudnnBackendDescriptor_t value = other.get();
    check(cudnnBackendSetAttribute(get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value), "cudnnBackendSetAttribute");
  }

  /// False where cuDNN does not support it.
  [[nodiscard]] bool try_finalize() {
    const cudnnStatus_t status = cudnnBackendFinalize(get());
    if (CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == CUDNN_STATUS_NOT_SUPPORTED) return false;
    check(status, "cudnnBackendFinalize");
    return true;
  }
  void finalize() { check(cudnnBackendFinalize(get()), "cudnnBackendFinalize"); }

  /// The values of an attribute that has at most `most` of them, or the first ones.
  template <class T, std::size_t most = 1>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    std::array<T, most> values{};
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(get(), name, type_of(T()), most, &count, values.data()), "cudnnBackendGetAttribute");
    return {values.begin(), values.begin() + std::clamp<std::int64_t>(count, 0, most)};
  }
  /// The descriptors, of such a type, that an attribute has, or the first `most` of them.
  std::vector<CudnnDescriptor> descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type, std::int64_t most) const {
    std::vector<CudnnDescriptor> all;
    std::vector<cudnnBackendDescriptor_t> to;
    for (std::int64_t i = 0; i < most; ++i) to.push_back(all.emplace_back(type).get());
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, to.data()), "cudnnBackendGetAttribute");
    all.erase(all.begin() + std::clamp<std::int64_t>(count, 0, most), all.end());
    return all;
  }
  /// How many descriptors an attribute has.
  std::int64_t count(cudnnBackendAttributeName_t name) const {
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr), "cudnnBackendGetAttribute");
    return count;
  }

  cudnnBackendDescriptor_t get() const { return descriptor_.get(); }

 private:
  struct Destroy {
    void operator()(void* descriptor) const { cudnnBackendDestroyDescriptor(descriptor); }
  };

  static cudnnBackendAttributeType_t type_of(std::int64_t) { return CUDNN_TYPE_INT64; }
  static cudnnBackendAttributeType_t type_of(float) { return CUDNN_TYPE_FLOAT; }
  static cudnnBackendAttributeType_t type_of(void*) { return CUDNN_TYPE_VOID_PTR; }
  static cudnnBackendAttributeType_t type_of(cudnnHandle_t) { return CUDNN_TYPE_HANDLE; }
  static cudnnBackendAttributeType_t type_of(cudnnDataType_t) { return CUDNN_TYPE_DATA_TYPE; }
  static cudnnBackendAttributeType_t type_of(cudnnConvolutionMode_t) { return CUDNN_TYPE_CONVOLUTION_MODE; }
  static cudnnBackendAttributeType_t type_of(cudnnBackendHeurMode_t) { return CUDNN_TYPE_HEUR_MODE; }
  static cudnnBackendAttributeType_t type_of(cudnnBackendNumericalNote_t) { return CUDNN_TYPE_NUMERICAL_NOTE; }
  static cudnnBackendAttributeType_t type_of(cudnnBackendBehaviorNote_t) { return CUDNN_TYPE_BEHAVIOR_NOTE; }

  std::unique_ptr<void, Destroy> descriptor_;
};

}  // namespace nash::cuda
