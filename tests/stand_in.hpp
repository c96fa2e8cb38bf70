// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <bit>
#include <map>
#include <mutex>
#include <set>
#include <span>

#include "nash/kernels/gpu/conv2d.hpp"
#include "nash/kernels/gpu/gemm.hpp"
#include "nash/kernels/gpu/pointwise.hpp"
#include "nash/kernels/gpu/reduce.hpp"
#include "nash/kernels/host.hpp"

/// A GPU's stand-in on the host: the device that runs what Cuda runs, the same kernels with the same indices and launches, the
/// same pool, streams and graphs, on a machine without a GPU. It is stricter than a GPU, so that tests see what a GPU may forgive:
///
/// - Its memory is apart: the host that touches it outside of a copy dies of it, and a kernel that is given a pointer to the
///   host's memory (as far as g++ builds can tell), or a transfer one that is not pinned, is refused.
/// - It is late: nothing that was queued happens before the host waits for it. What a copy to the host is to overwrite is poisoned
///   when the copy is queued, so that a host that does not wait reads NaN.
/// - Fresh memory is poisoned as well, and what lies behind each block must stay as it is.
/// - Blocks and threads run last to first: whoever counts on an order within a phase is wrong here.
///
/// There are two of them, so that one can be chosen.
struct StandIn {};

namespace stand_in {

constexpr int gpus = 2;
constexpr unsigned char poison_byte = 0xFF;  // floats and doubles of it are NaN
constexpr unsigned char wall_byte = 0xCB;

/// The memory of one stand-in, which can be touched while `Open` lives.
class AddressSpace {
 public:
  AddressSpace() : base_(static_cast<std::byte*>(::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {}

  class Open {
   public:
    explicit Open(AddressSpace& space) : space_(space) { space_.protect(PROT_READ | PROT_WRITE); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    ~Open() { space_.protect(PROT_NONE); }

   private:
    AddressSpace& space_;
  };

  void* allocate(std::size_t bytes) {
    if (in_use_ + bytes > capacity) return nullptr;
    std::byte* const block = base_ + end_;
    end_ += (bytes + wall + page - 1) / page * page;
    in_use_ += bytes;
    blocks_[block] = bytes;
    const Open open(*this);
    std::memset(block + bytes, wall_byte, wall);
    return block;
  }
  void deallocate(void* block) {
    const auto found = blocks_.find(static_cast<std::byte*>(block));
    in_use_ -= found->second;
    ::madvise(found->first, (found->second + wall + page - 1) / page * page, MADV_DONTNEED);  // and it is never handed out again
    blocks_.erase(found);
  }

  bool within_a_block(const void* pointer, std::size_t bytes = 1) const {
    const auto* const first = static_cast<const std::byte*>(pointer);
    auto after = blocks_.upper_bound(const_cast<std::byte*>(first));
    return after != blocks_.begin() && first + bytes <= std::prev(after)->first + std::prev(after)->second;
  }
  bool reserves(std::uintptr_t address) const {
    return address >= reinterpret_cast<std::uintptr_t>(base_) && address < reinterpret_cast<std::uintptr_t>(base_ + reserved);
  }
  /// While open: whether nothing was written behind any block.
  bool walls_stand() const {
    for (const auto& [block, bytes] : blocks_)
      for (std::size_t i = 0; i < wall; ++i)
        if (block[bytes + i] != std::byte{wall_byte}) return false;
    return true;
  }
  std::size_t in_use() const { return in_use_; }

  std::size_t capacity = std::size_t{1} << 30;  // lower it to run out of memory

 private:
  static constexpr std::size_t page = 4096, wall = 64, reserved = std::size_t{1} << 38;

  void protect(int how) {
    if (end_ != 0) ::mprotect(base_, end_, how);
  }

  std::byte* base_;
  std::size_t end_ = 0, in_use_ = 0;
  std::map<std::byte*, std::size_t> blocks_;
};

/// What the stand-ins were asked to do.
struct Counts {
  nash::index_t queued = 0, graphs_built = 0, graphs_launched = 0, updates = 0, waits = 0;  // queued: one by one, not by a graph
  nash::index_t convolutions = 0;                                                           // by the library, one by one or not
};

/// Everything that the stand-ins know: a test program has one machine.
struct Machine {
  AddressSpace memory[gpus];
  std::map<const std::byte*, std::size_t> pinned;
  Counts counts;
  nash::index_t library_strides = 0;  // raise it to have a library of convolutions, of strides up to this
  std::recursive_mutex mutex;

  bool is_pinned(const void* pointer, std::size_t bytes) const {
    const auto* const first = static_cast<const std::byte*>(pointer);
    const auto after = pinned.upper_bound(first);
    return after != pinned.begin() && first + bytes <= std::prev(after)->first + std::prev(after)->second;
  }
  bool reserves(std::uintptr_t address) const {
    return memory[0].reserves(address) || memory[1].reserves(address);
  }
};
inline Machine& machine() {
  static Machine& all = *new Machine;
  return all;
}
inline Counts take_counts() { return std::exchange(machine().counts, {}); }

inline int& selected() {
  thread_local int gpu = 0;
  return gpu;
}

[[noreturn]] inline void refuse(std::string what) { throw nash::DeviceError("StandIn", std::move(what), "correct the code that asked for it"); }

/// Whether is_host_address() can tell: stale bytes between a kernel's members may look like addresses.
constexpr bool sees_host_addresses = NASH_CLEARS_PADDING;

/// Whether eight bytes are the address of mapped memory of the host where programs, heaps and stacks lie on this system.
inline bool is_host_address(std::uint64_t word) {
  constexpr std::uint64_t lowest = 0x5000'0000'0000, end = 0x8000'0000'0000;
  if (word < lowest || word >= end || word % 4 != 0 || machine().reserves(word)) return false;
  unsigned char present;
  return ::mincore(reinterpret_cast<void*>(word / 4096 * 4096), 1, &present) == 0;
}

/// x rounded to the 10 bits of fraction that a TF32 has.
inline float tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::isfinite(x) ? std::bit_cast<float>((bits + 0xFFF + (bits >> 13 & 1)) & ~std::uint32_t{0x1FFF}) : x;
}

template <class T>
void multiply(const nash::ColumnMajorProduct& g) {
  const auto value = [&](T x) {
    if constexpr (std::is_same_v<T, float>)
      return g.exact ? x : tf32(x);
    else
      return x;
  };
  const T *const a = static_cast<const T*>(g.a), *const b = static_cast<const T*>(g.b);
  T* const c = static_cast<T*>(g.c);
  std::vector<T> column(static_cast<std::size_t>(g.k));
  for (nash::index_t j = 0; j < g.n; ++j) {
    for (nash::index_t l = 0; l < g.k; ++l) column[static_cast<std::size_t>(l)] = value(g.transpose_b ? b[j + l * g.ldb] : b[l + j * g.ldb]);
    for (nash::index_t i = 0; i < g.m; ++i) {
      T total = 0;
      for (nash::index_t l = 0; l < g.k; ++l) total += value(g.transpose_a ? a[l + i * g.lda] : a[i + l * g.lda]) * column[static_cast<std::size_t>(l)];
      T& to = c[i + j * g.ldc];
      to = g.beta == 0 ? total : total + static_cast<T>(g.beta) * to;
    }
  }
}

/// By the naive loops, with what a library may do to its workspace.
inline void convolve(const nash::LibraryConvolution& v) {
  using Direction = nash::LibraryConvolution::Direction;
  const auto& g = v.problem;
  const float *const a = static_cast<const float*>(v.a), *const b = static_cast<const float*>(v.b);
  float* const result = static_cast<float*>(v.result);
  std::memset(v.workspace, poison_byte, v.workspace_bytes);
  const nash::index_t count = g.direction == Direction::forward ? g.n * g.p * g.q * g.o
                              : g.direction == Direction::backward_data ? g.n * g.h * g.w * g.c : g.o * g.r * g.s * g.c;
  if (!g.adds) std::fill(result, result + count, 0.0f);
  const auto value = [&](float x) { return g.exact ? x : tf32(x); };
  for (nash::index_t n = 0; n < g.n; ++n)
    for (nash::index_t pq = 0; pq < g.p * g.q; ++pq)
      for (nash::index_t o = 0; o < g.o; ++o)
        for (nash::index_t rs = 0; rs < g.r * g.s; ++rs) {
          const nash::index_t h = pq / g.q * g.stride_h + rs / g.s - g.padding_h, w = pq % g.q * g.stride_w + rs % g.s - g.padding_w;
          if (h < 0 || h >= g.h || w < 0 || w >= g.w) continue;
          for (nash::index_t c = 0; c < g.c; ++c) {
            const nash::index_t x = ((n * g.h + h) * g.w + w) * g.c + c, filter = (o * g.r * g.s + rs) * g.c + c, y = (n * g.p * g.q + pq) * g.o + o;
            if (g.direction == Direction::forward) result[y] += value(a[x]) * value(b[filter]);
            if (g.direction == Direction::backward_data) result[x] += value(a[y]) * value(b[filter]);
            if (g.direction == Direction::backward_weights) result[filter] += value(a[x]) * value(b[y]);
          }
        }
}

/// Bytes := poison
struct Poison {
  static constexpr int threads = 64;
  using Shared = nash::NothingShared;
  std::byte* to;
  nash::index_t bytes;
  int phases() const { return 1; }
  void run(int, nash::index_t, int thread, Shared&) const {
    for (nash::index_t i = thread; i < bytes; i += threads) to[i] = std::byte{poison_byte};
  }
};

class Stream {
 public:
  void enqueue(const nash::Operation& operation) {
    ++machine().counts.queued;
    enqueue_uncounted(operation);
  }
  void enqueue_uncounted(const nash::Operation& operation) {
    const std::lock_guard lock(machine().mutex);
    std::visit([this](const auto& one) { check(one); }, operation);
    queue_.push_back(operation);
    ++enqueued_;
  }

  void synchronise() {
    const std::lock_guard lock(machine().mutex);
    ++machine().counts.waits;
    const AddressSpace::Open open(memory());
    const std::vector<nash::Operation> operations = std::exchange(queue_, {});
    for (const nash::Operation& operation : operations) std::visit([](const auto& one) { run(one); }, operation);
    if (!memory().walls_stand()) refuse("a kernel has written behind a block of memory");
  }

  std::optional<std::size_t> convolution_workspace(const nash::LibraryConvolution::Problem& problem) const {
    if (std::max(problem.stride_h, problem.stride_w) > machine().library_strides) return std::nullopt;
    return static_cast<std::size_t>(8 * problem.o);
  }

  /// How many operations were ever queued, and how many of them are done.
  nash::index_t enqueued() const { return enqueued_; }
  nash::index_t done() const { return enqueued_ - static_cast<nash::index_t>(queue_.size()); }

 private:
  AddressSpace& memory() const { return machine().memory[gpu_]; }

  void check(const nash::KernelLaunch& launch) const {
    for (std::size_t i = 0; sees_host_addresses && i + 8 <= launch.bytes; i += 8) {
      std::uint64_t word;
      std::memcpy(&word, launch.parameters + i, 8);
      if (is_host_address(word)) refuse("a kernel was given an address of the host's memory");
    }
  }
  void check(const nash::ColumnMajorProduct& product) const {
    for (const void* operand : {product.a, product.b, static_cast<const void*>(product.c)})
      if (!memory().within_a_block(operand)) refuse("a product was given an operand that is not in the GPU's memory");
  }
  void check(const nash::LibraryConvolution& v) const {
    ++machine().counts.convolutions;
    for (const void* operand : {v.a, v.b, static_cast<const void*>(v.result)}) {
      if (!memory().within_a_block(operand)) refuse("a convolution was given an operand that is not in the GPU's memory");
      if (reinterpret_cast<std::uintptr_t>(operand) % v.alignment != 0) refuse("a convolution was given an operand that is not aligned");
    }
    if (!memory().within_a_block(v.workspace, v.workspace_bytes)) refuse("a convolution was given a workspace that is not in the GPU's memory");
    if (reinterpret_cast<std::uintptr_t>(v.workspace) % 256 != 0) refuse("a convolution was given a workspace that is not aligned");
    if (v.workspace_bytes != convolution_workspace(v.problem)) refuse("a convolution was given a workspace of another size than it needs");
  }
  void check(const nash::Transfer& transfer) const {
    using Kind = nash::Transfer::Kind;
    const auto on_gpu = [&](const void* pointer) { return memory().within_a_block(pointer, transfer.bytes); };
    const auto on_host = [&](const void* pointer) { return machine().is_pinned(pointer, transfer.bytes); };
    if (!(transfer.kind == Kind::to_gpu ? on_host(transfer.from) : on_gpu(transfer.from))) refuse("a transfer from memory that it may not read");
    if (!(transfer.kind == Kind::to_host ? on_host(transfer.to) : on_gpu(transfer.to))) refuse("a transfer to memory that it may not write");
    if (transfer.kind == Kind::to_host) std::memset(transfer.to, poison_byte, transfer.bytes);
  }

  static void run(const nash::KernelLaunch& launch) {
    reinterpret_cast<void (*)(const void*, nash::index_t)>(const_cast<void*>(launch.entry))(launch.parameters, launch.blocks);
  }
  static void run(const nash::ColumnMajorProduct& product) {
    product.type == nash::ScalarType::float32 ? multiply<float>(product) : multiply<double>(product);
  }
  static void run(const nash::LibraryConvolution& convolution) { convolve(convolution); }
  static void run(const nash::Transfer& transfer) { std::memmove(transfer.to, transfer.from, transfer.bytes); }

  int gpu_ = selected();
  std::vector<nash::Operation> queue_;
  nash::index_t enqueued_ = 0;
};

class Event {
 public:
  void record(Stream& stream) {
    stream_ = &stream;
    position_ = stream.enqueued();
  }
  void wait() {
    if (stream_ != nullptr && stream_->done() < position_) stream_->synchronise();
  }

 private:
  Stream* stream_ = nullptr;
  nash::index_t position_ = 0;
};

class Graph {
 public:
  Graph(Stream&, std::span<const nash::Operation> operations) : operations_(operations.begin(), operations.end()) { ++machine().counts.graphs_built; }
  void update(std::size_t i, const nash::KernelLaunch& launch) {
    ++machine().counts.updates;
    auto& own = std::get<nash::KernelLaunch>(operations_.at(i));
    if (!own.same_kernel(launch)) refuse("a graph's kernel was exchanged for another");
    own = launch;
  }
  void launch(Stream& stream) const {
    ++machine().counts.graphs_launched;
    for (const nash::Operation& operation : operations_) stream.enqueue_uncounted(operation);
  }

 private:
  std::vector<nash::Operation> operations_;
};

/// The threads of a kernel, one after the other, phase by phase.
template <class Kernel>
void run_kernel(const void* parameters, nash::index_t blocks) {
  const Kernel& kernel = *static_cast<const Kernel*>(parameters);
  const auto shared = std::make_unique<typename Kernel::Shared>();
  for (nash::index_t block = blocks - 1; block >= 0; --block) {
    std::memset(static_cast<void*>(shared.get()), poison_byte, sizeof(typename Kernel::Shared));
    for (int phase = 0; phase < kernel.phases(); ++phase)
      for (int thread = Kernel::threads - 1; thread >= 0; --thread) kernel.run(phase, block, thread, *shared);
  }
}

}  // namespace stand_in

template <>
struct nash::Driver<StandIn> {
  using Stream = stand_in::Stream;
  using Event = stand_in::Event;
  using Graph = stand_in::Graph;

  static const char* name() { return "StandIn"; }
  static int gpus() { return stand_in::gpus; }
  static int selected() { return stand_in::selected(); }
  static void select(int gpu) { stand_in::selected() = gpu; }

  static void* allocate(std::size_t bytes) {
    const std::lock_guard lock(stand_in::machine().mutex);
    return stand_in::machine().memory[selected()].allocate(bytes);
  }
  static void deallocate(void* block) noexcept {
    const std::lock_guard lock(stand_in::machine().mutex);
    for (auto& memory : stand_in::machine().memory)
      if (memory.within_a_block(block)) memory.deallocate(block);
  }
  static void poison(Stream& stream, void* block, std::size_t bytes) {
    stream.enqueue(KernelLaunch::of(entry<stand_in::Poison>(), 1, stand_in::Poison{static_cast<std::byte*>(block), static_cast<index_t>(bytes)}));
  }
  static void* allocate_pinned(std::size_t bytes) {
    const std::lock_guard lock(stand_in::machine().mutex);
    auto* const memory = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{64}));
    stand_in::machine().pinned[memory] = bytes;
    return memory;
  }
  static void deallocate_pinned(void* memory) noexcept {
    const std::lock_guard lock(stand_in::machine().mutex);
    stand_in::machine().pinned.erase(static_cast<std::byte*>(memory));
    ::operator delete(memory, std::align_val_t{64});
  }

  template <class Kernel>
  static const void* entry() {
    return reinterpret_cast<const void*>(&stand_in::run_kernel<Kernel>);
  }
};

template <>
struct nash::Memory<StandIn> : nash::GpuMemory<StandIn> {};

template <>
class nash::Context<StandIn> : public nash::GpuContext<StandIn> {
 public:
  using GpuContext<StandIn>::GpuContext;
};

template <>
struct nash::GemmKernels<StandIn> : nash::gpu::GemmKernels<StandIn> {};
template <>
struct nash::Conv2dKernels<StandIn> : nash::gpu::Conv2dKernels<StandIn> {};
template <>
struct nash::PointwiseKernels<StandIn> : nash::gpu::PointwiseKernels<StandIn> {};
template <>
struct nash::ReduceKernels<StandIn> : nash::gpu::ReduceKernels<StandIn> {};
