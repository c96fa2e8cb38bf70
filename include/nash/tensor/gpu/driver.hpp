// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstring>
#include <optional>
#include <type_traits>
#include <variant>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"
#include "nash/tensor/device.hpp"

namespace nash {

/// Blocks of threads that run a kernel, of which there is one a launch: see kernels/gpu/launch.hpp. Its parameters are the
/// kernel's own bytes, so that a launch is a value that can be kept, compared and launched again.
struct KernelLaunch {
  static constexpr std::size_t most_bytes = 512;

  const void* entry = nullptr;  ///< Driver<Device>::entry<Kernel>()
  index_t blocks = 0;
  int threads = 0;
  std::size_t bytes = 0;
  alignas(16) std::byte parameters[most_bytes] = {};

  template <class Kernel>
  static KernelLaunch of(const void* entry, index_t blocks, const Kernel& kernel) {
    static_assert(std::is_trivially_copyable_v<Kernel>, "a kernel is copied to the GPU byte by byte");
    static_assert(sizeof(Kernel) <= most_bytes && alignof(Kernel) <= 16, "a kernel's parameters are too large");
    KernelLaunch launch{.entry = entry, .blocks = blocks, .threads = Kernel::threads, .bytes = sizeof(Kernel)};
    Kernel clean = kernel;
    NASH_CLEAR_PADDING(&clean);  // so that equal kernels have equal bytes
    std::memcpy(launch.parameters, &clean, sizeof(Kernel));
    return launch;
  }

  /// Whether the other is the same but for the values of its parameters: what a graph can change without being built anew.
  bool same_kernel(const KernelLaunch& other) const {
    return entry == other.entry && blocks == other.blocks && threads == other.threads && bytes == other.bytes;
  }
  bool operator==(const KernelLaunch& other) const { return same_kernel(other) && std::memcmp(parameters, other.parameters, bytes) == 0; }
};

enum class ScalarType { float32, float64 };

/// C := op(A)·op(B) + beta·C as cuBLAS takes it: matrices stored by columns, C of m×n, each with its leading dimension.
struct ColumnMajorProduct {
  ScalarType type = ScalarType::float32;
  bool exact = false;  ///< float32 without rounding the operands to TF32
  bool transpose_a = false, transpose_b = false;
  index_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  index_t lda = 1, ldb = 1, ldc = 1;
  double beta = 0;

  bool operator==(const ColumnMajorProduct&) const = default;
};

/// Bytes copied within the GPU, or between it and pinned host memory.
struct Transfer {
  enum class Kind { to_gpu, to_host, within_gpu };

  Kind kind = Kind::within_gpu;
  void* to = nullptr;
  const void* from = nullptr;
  std::size_t bytes = 0;

  bool operator==(const Transfer&) const = default;
};

/// A convolution of floats by a library, in one of the directions of Conv2dKernels, on operands as these have them:
///
///     forward             a is x,  b is w,  result is y
///     backward_data       a is dy, b is w,  result is dx
///     backward_weights    a is x,  b is dy, result is dw
struct LibraryConvolution {
  static constexpr std::size_t alignment = 16;  ///< of the operands, in bytes: libraries' fast kernels need it

  enum class Direction { forward, backward_data, backward_weights };

  /// What the choice of an algorithm depends on. Sizes are those of Conv2dGeometry.
  struct Problem {
    Direction direction = Direction::forward;
    bool exact = false;  ///< float32 without rounding the operands to TF32
    bool adds = false;   ///< to what is in the result
    index_t n = 0, h = 0, w = 0, c = 0, o = 0, r = 0, s = 0, p = 0, q = 0;
    index_t stride_h = 1, stride_w = 1, padding_h = 0, padding_w = 0;

    auto operator<=>(const Problem&) const = default;
  };

  Problem problem;
  const void* a = nullptr;
  const void* b = nullptr;
  void* result = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;

  bool operator==(const LibraryConvolution&) const = default;
};

/// One thing for a GPU to do. Whatever nash asks of one is a sequence of these.
using Operation = std::variant<KernelLaunch, ColumnMajorProduct, LibraryConvolution, Transfer>;

/// All that nash needs of a GPU's software, specialised per device; everything above it is written once, for all GPUs. Calls
/// throw DeviceError where they fail.
///
///     static const char* name()
///     static int gpus()                                  how many there are; throws where there are none
///     static int selected()                              the calling thread's GPU
///     static void select(int gpu)
///
///     static void* allocate(std::size_t bytes)           memory of the selected GPU; null where none is left
///     static void deallocate(void*) noexcept
///     static void poison(Stream&, void*, std::size_t)    for devices that test: makes stale contents recognisable
///     static void* allocate_pinned(std::size_t bytes)    host memory that transfers may use
///     static void deallocate_pinned(void*) noexcept
///
///     class Stream                                       of the selected GPU: a queue of operations, run in their order
///       void enqueue(const Operation&)                   returns at once
///       void synchronise()                               returns when all is done
///       void reserve_products()                          before the first product: what it takes to run them
///       std::optional<std::size_t> convolution_workspace(const LibraryConvolution::Problem&)
///                                                        the bytes that a library's algorithm for it needs, one that gives the same
///                                                        bits each time; none where there is no library, or none in it
///     class Event
///       void record(Stream&);  void wait()               returns when what was enqueued before record() is done
///     class Graph                                        many operations, launched at once
///       Graph(Stream&, std::span<const Operation>)
///       void update(std::size_t i, const KernelLaunch&)  operation i with other parameters; same_kernel holds
///       void launch(Stream&)
///
///     template <class Kernel> static const void* entry()
template <class Device>
struct Driver : NoKernels<Device> {};

}  // namespace nash
