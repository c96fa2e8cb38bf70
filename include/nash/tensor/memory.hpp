// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"
#include "nash/tensor/device.hpp"

namespace nash {

/// How a device gets memory and how bytes get there and back; specialised per device.
template <class Device>
struct Memory : NoKernels<Device> {};

/// Host memory, aligned to a cache line, which is also the width of the widest vector.
struct HostMemory {
  static constexpr std::size_t alignment = 64;

  static void* allocate(std::size_t bytes) {
    void* const block = ::operator new(bytes, std::align_val_t{alignment}, std::nothrow);
    if (block == nullptr) throw DeviceError("Memory", concat({"no ", bytes, " bytes are left"}), "use smaller sizes or batches");
    advise_huge_pages(block, bytes);
    return block;
  }
  static void deallocate(void* block) noexcept { ::operator delete(block, std::align_val_t{alignment}); }
  static void from_host(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  static void to_host(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
  }
};

template <>
struct Memory<Cpu> : HostMemory {};
template <>
struct Memory<Reference> : HostMemory {};

/// Owns one uninitialised block of a device's memory for elements of T.
template <class T, class Device>
class Storage {
  static_assert(std::is_trivially_copyable_v<T>, "tensors hold plain numbers");

 public:
  Storage() = default;
  explicit Storage(index_t count)
      : data_(count == 0 ? nullptr : static_cast<T*>(Memory<Device>::allocate(bytes(count)))), count_(count) {}
  Storage(Storage&& other) noexcept { swap(other); }
  Storage& operator=(Storage&& other) noexcept {
    Storage moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Storage() {
    if (data_ != nullptr) Memory<Device>::deallocate(data_);
  }

  T* data() const { return data_; }
  index_t count() const { return count_; }

 private:
  static std::size_t bytes(index_t count) {
    if (count > std::numeric_limits<index_t>::max() / static_cast<index_t>(sizeof(T)))
      throw ShapeError("Storage", "fewer than 2^63 bytes", concat({count, " elements of ", sizeof(T)}), "use smaller sizes");
    return static_cast<std::size_t>(count) * sizeof(T);
  }

  void swap(Storage& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
  }

  T* data_ = nullptr;
  index_t count_ = 0;
};

}  // namespace nash
