// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

namespace nash {

/// The processor: nash's own kernels on all cores.
struct Cpu {};

/// Naive loops for any scalar type: the executable specification that every other device is tested against.
struct Reference {};

/// An NVIDIA GPU; its kernels come with <nash/cuda.hpp>.
struct Cuda {};

/// Whether the host may touch the device's memory through a pointer.
template <class Device>
inline constexpr bool shares_host_memory = std::is_same_v<Device, Cpu> || std::is_same_v<Device, Reference>;

/// What the primary template of every family of kernels derives from: a device without kernels is a compile error.
template <class Device>
struct NoKernels {
  static_assert(sizeof(Device) == 0,
                "this device has no kernels here: include <nash/cuda.hpp> and compile this file with nvcc, or use Cpu");
};

}  // namespace nash
