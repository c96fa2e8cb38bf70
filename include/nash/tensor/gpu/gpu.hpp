// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "nash/tensor/gpu/pool.hpp"
#include "nash/tensor/gpu/recorder.hpp"

namespace nash {

/// One GPU of the machine: its memory, and the one stream that everything runs in. Tensors are made without a context, and may
/// be used by several one after the other, so all that is asked of a GPU happens in the order in which it was asked for.
///
/// Each GPU's object lasts as long as the program, as the driver's own state does, and serves any number of threads.
template <class Device>
class Gpu {
 public:
  using Stream = typename Driver<Device>::Stream;

  /// The calling thread's GPU: the first one, unless the thread has selected another.
  static Gpu& selected() { return of(Driver<Device>::selected()); }

  /// Throws DeviceError where there is no such GPU.
  static Gpu& select(int index) {
    const int count = Driver<Device>::gpus();
    if (index < 0 || index >= count)
      throw DeviceError(Driver<Device>::name(), concat({"a GPU from 0 to ", count - 1}), concat({index}), "choose one of the machine's GPUs");
    Driver<Device>::select(index);
    return of(index);
  }

  /// Gives a block back to the GPU that it is of.
  static void deallocate(void* block) noexcept {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    for (const auto& gpu : all.gpus) {
      const std::lock_guard own_lock(gpu->mutex_);
      if (gpu->pool_.give_back(block)) return;
    }
  }

  int index() const { return index_; }
  Stream& stream() { return stream_; }

  /// Throws DeviceError where not enough memory is left, even of what the pool keeps.
  void* allocate(std::size_t bytes) {
    hold_nothing_back();
    const std::lock_guard lock(mutex_);
    void* block = pool_.allocate(bytes);
    if (block == nullptr) {
      stream_.synchronise();
      pool_.trim();
      block = pool_.allocate(bytes);
    }
    if (block == nullptr)
      throw DeviceError(Driver<Device>::name(), concat({"no ", bytes, " bytes are left on GPU ", index_, ", of which this program uses ", pool_.used_bytes()}),
                        "use smaller sizes or batches, or another GPU");
    Driver<Device>::poison(stream_, block, bytes);
    return block;
  }

  /// Returns when the bytes are out of the caller's memory; the rest is queued.
  void copy_from_host(void* to, const void* from, std::size_t bytes) {
    begin_copy();
    const std::lock_guard lock(mutex_);
    for (std::size_t done = 0; done < bytes;) {
      Staging& staging = next_staging(bytes - done);
      const std::size_t piece = std::min(bytes - done, staging.capacity);
      staging.free.wait();
      std::memcpy(staging.memory, static_cast<const std::byte*>(from) + done, piece);
      stream_.enqueue(Transfer{Transfer::Kind::to_gpu, static_cast<std::byte*>(to) + done, staging.memory, piece});
      staging.free.record(stream_);
      done += piece;
    }
  }

  /// Returns when the bytes are there.
  void copy_to_host(void* to, const void* from, std::size_t bytes) {
    begin_copy();
    const std::lock_guard lock(mutex_);
    for (std::size_t done = 0; done < bytes;) {
      Staging& staging = next_staging(bytes - done);
      const std::size_t piece = std::min(bytes - done, staging.capacity);
      staging.free.wait();
      stream_.enqueue(Transfer{Transfer::Kind::to_host, staging.memory, static_cast<const std::byte*>(from) + done, piece});
      stream_.synchronise();
      std::memcpy(static_cast<std::byte*>(to) + done, staging.memory, piece);
      done += piece;
    }
  }

  void copy(void* to, const void* from, std::size_t bytes) {
    begin_copy();
    if (bytes != 0) stream_.enqueue(Transfer{Transfer::Kind::within_gpu, to, from, bytes});
  }

  /// Tells the GPU of the sequence that the calling thread records, until it is told of none.
  void set_recorder(Recorder<Device>* recorder) { tell([recorder](Listener& own) { own.recorder = recorder; }); }
  /// Tells the GPU where to count the copies that the calling thread asks for, beside what contexts do, until it is told of none.
  void set_copy_count(index_t* count) { tell([count](Listener& own) { own.copies = count; }); }

  const MemoryPool<Device>& pool() const { return pool_; }
  /// Waits for all that was asked for and returns the memory that nobody uses to the driver.
  void trim() {
    settle();
    const std::lock_guard lock(mutex_);
    stream_.synchronise();
    pool_.trim();
  }

 private:
  struct Registry {
    std::mutex mutex;
    std::vector<std::unique_ptr<Gpu>> gpus;
  };
  static Registry& registry() {
    static Registry& all = *new Registry;  // never destroyed: tensors may live longer than any object with a destructor
    return all;
  }
  static Gpu& of(int index) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    for (const auto& gpu : all.gpus)
      if (gpu->index_ == index) return *gpu;
    all.gpus.push_back(std::unique_ptr<Gpu>(new Gpu(index)));
    return *all.gpus.back();
  }

  explicit Gpu(int index) : index_(index) {}

  /// Pinned memory that copies between the host and the GPU go through, a piece at a time: two, so that one can be filled while
  /// the other is under way.
  struct Staging {
    void* memory = nullptr;
    std::size_t capacity = 0;
    typename Driver<Device>::Event free{};
  };
  static constexpr std::size_t largest_piece = std::size_t{1} << 22;

  Staging& next_staging(std::size_t wanted) {
    next_ = 1 - next_;
    Staging& staging = staging_[next_];
    wanted = std::min(wanted, largest_piece);
    if (staging.capacity < wanted) {
      staging.free.wait();
      if (staging.memory != nullptr) Driver<Device>::deallocate_pinned(std::exchange(staging.memory, nullptr));
      staging.capacity = 0;
      staging.memory = Driver<Device>::allocate_pinned(wanted);
      staging.capacity = wanted;
    }
    return staging;
  }

  /// What a thread wants to know of.
  struct Listener {
    std::thread::id thread;
    Recorder<Device>* recorder = nullptr;
    index_t* copies = nullptr;
  };

  template <class Function>
  void tell(const Function& change) {
    const std::thread::id self = std::this_thread::get_id();
    const std::lock_guard lock(listeners_mutex_);
    auto own = std::find_if(listeners_.begin(), listeners_.end(), [self](const Listener& one) { return one.thread == self; });
    if (own == listeners_.end()) own = listeners_.insert(own, Listener{.thread = self});
    change(*own);
    if (own->recorder == nullptr && own->copies == nullptr) listeners_.erase(own);
  }
  Listener own_listener() {
    const std::lock_guard lock(listeners_mutex_);
    for (const Listener& one : listeners_)
      if (one.thread == std::this_thread::get_id()) return one;
    return {};
  }
  /// Before something is queued beside what the calling thread records.
  void settle() {
    if (Recorder<Device>* const recorder = own_listener().recorder) recorder->cut();
  }
  void begin_copy() {
    const Listener own = own_listener();
    if (own.recorder != nullptr) own.recorder->cut();
    if (own.copies != nullptr) ++*own.copies;
  }
  /// Memory that was just given back must not be handed out while operations on it are held back.
  void hold_nothing_back() {
    Recorder<Device>* const recorder = own_listener().recorder;
    if (recorder != nullptr && recorder->holds_back()) recorder->diverge();
  }

  int index_;
  Stream stream_;
  std::mutex mutex_, listeners_mutex_;
  MemoryPool<Device> pool_;
  std::array<Staging, 2> staging_;
  std::size_t next_ = 0;
  std::vector<Listener> listeners_;
};

/// Memory<Device> of a GPU.
template <class Device>
struct GpuMemory {
  static void* allocate(std::size_t bytes) { return Gpu<Device>::selected().allocate(bytes); }
  static void deallocate(void* block) noexcept { Gpu<Device>::deallocate(block); }
  static void from_host(void* to, const void* from, std::size_t bytes) { Gpu<Device>::selected().copy_from_host(to, from, bytes); }
  static void to_host(void* to, const void* from, std::size_t bytes) { Gpu<Device>::selected().copy_to_host(to, from, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) { Gpu<Device>::selected().copy(to, from, bytes); }
};

}  // namespace nash
