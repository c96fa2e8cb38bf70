// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <unordered_map>

#include "nash/tensor/gpu/driver.hpp"

namespace nash {

/// Blocks of one GPU's memory, kept when they are given back and handed out again: asking the driver costs as much as many
/// kernels and waits for all of them.
///
/// A block that was given back may be handed out while operations on it are still queued, since whatever its next owner does
/// is queued after them.
template <class Device>
class MemoryPool {
 public:
  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool() { trim(); }

  /// A block of at least so many bytes, or null where none is left.
  void* allocate(std::size_t bytes) {
    bytes = rounded(bytes);
    auto found = free_.lower_bound(bytes);
    if (found != free_.end() && found->first <= 2 * bytes) {  // a much larger one is kept for those who need it
      const auto node = free_.extract(found);
      kept_bytes_ -= node.key();
      return own(node.mapped(), node.key());
    }
    void* const block = Driver<Device>::allocate(bytes);
    if (block == nullptr) return nullptr;
    ++driver_allocations_;
    return own(block, bytes);
  }

  /// Whether the block was one of this pool's; then it is free again.
  bool give_back(void* block) noexcept {
    const auto found = used_.find(block);
    if (found == used_.end()) return false;
    used_bytes_ -= found->second;
    kept_bytes_ += found->second;
    free_.emplace(found->second, block);
    used_.erase(found);
    return true;
  }

  /// Returns to the driver what nobody uses. Nothing may be queued on it any more.
  void trim() noexcept {
    for (const auto& [bytes, block] : free_) Driver<Device>::deallocate(block);
    free_.clear();
    kept_bytes_ = 0;
  }

  std::size_t used_bytes() const { return used_bytes_; }
  std::size_t kept_bytes() const { return kept_bytes_; }
  index_t driver_allocations() const { return driver_allocations_; }

 private:
  /// Few different sizes, so that a block fits the next one who asks: multiples of 512 bytes up to 1 MiB, then of 2 MiB, a
  /// GPU's page.
  static std::size_t rounded(std::size_t bytes) {
    const std::size_t unit = bytes <= (std::size_t{1} << 20) ? 512 : std::size_t{1} << 21;
    return (bytes + unit - 1) / unit * unit;
  }

  void* own(void* block, std::size_t bytes) {
    used_.emplace(block, bytes);
    used_bytes_ += bytes;
    return block;
  }

  std::multimap<std::size_t, void*> free_;
  std::unordered_map<void*, std::size_t> used_;
  std::size_t used_bytes_ = 0, kept_bytes_ = 0;
  index_t driver_allocations_ = 0;
};

}  // namespace nash
