// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "nash/tensor/tensor.hpp"

namespace nash {

/// Scratch memory in the order of a stack: what is taken last is given back first.
///
/// It grows by adding blocks and replaces them by one, of the most that was in use at a time, as soon as nothing is: a training
/// step that has run once never allocates again, and holds no more than it needs.
template <class Device>
class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;

  /// Whether an address is within its memory.
  bool holds(const void* address) const {
    const auto* const byte = static_cast<const std::byte*>(address);
    return std::any_of(blocks_.begin(), blocks_.end(), [byte](const auto& block) { return block.data() <= byte && byte < block.data() + block.count(); });
  }

  /// Gives its memory back when it goes out of scope. Lives no longer than whatever was taken before it.
  template <class T>
  class Scratch {
   public:
    Scratch(Arena& arena, index_t count) : arena_(&arena), block_(arena.block_), used_(arena.used_), in_use_(arena.in_use_), count_(count) {
      data_ = static_cast<T*>(static_cast<void*>(arena.take(count * static_cast<index_t>(sizeof(T)))));
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { arena_->give_back(block_, used_, in_use_); }

    T* data() const { return data_; }
    index_t count() const { return count_; }

    /// A tensor over the memory taken.
    Tensor<T, Device> tensor(const Shape& shape) const { return Tensor<T, Device>::borrow(data_, count_, shape); }

   private:
    Arena* arena_;
    std::size_t block_;
    index_t used_, in_use_;
    index_t count_;
    T* data_;
  };

 private:
  static constexpr index_t alignment = 64;

  NASH_NOINLINE std::byte* take(index_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (block_ == 0 && used_ == 0 && blocks_.size() > 1) join_blocks();
    if (blocks_.empty()) add_block(bytes);
    while (used_ + bytes > blocks_[block_].count()) {
      if (block_ + 1 == blocks_.size()) add_block(std::max(bytes, 2 * blocks_[block_].count()));
      ++block_;
      used_ = 0;
    }
    std::byte* taken = blocks_[block_].data() + used_;
    used_ += bytes;
    in_use_ += bytes;
    most_in_use_ = std::max(most_in_use_, in_use_);
    return taken;
  }

  void give_back(std::size_t block, index_t used, index_t in_use) {
    block_ = block;
    used_ = used;
    in_use_ = in_use;
  }

  NASH_COLD void join_blocks() {
    blocks_.clear();
    add_block(most_in_use_);
  }

  NASH_COLD void add_block(index_t bytes) { blocks_.emplace_back(bytes); }

  std::vector<Storage<std::byte, Device>> blocks_;
  std::size_t block_ = 0;
  index_t used_ = 0;  // of the block that is taken from
  index_t in_use_ = 0, most_in_use_ = 0;  // bytes, of all blocks
};

}  // namespace nash
