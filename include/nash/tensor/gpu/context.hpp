// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>

#include "nash/tensor/context.hpp"
#include "nash/tensor/gpu/gpu.hpp"
#include "nash/tensor/gpu/readings.hpp"

namespace nash {

/// Which convolutions of floats are those of a GPU's library, where it has one.
enum class LibraryConvolutions {
  none,
  large,  ///< those that the library was measured to be quicker in: much work, many results, and products that need not be exact
  all,
};

/// Context<Device> of a GPU: the GPU, scratch memory, and the sequences that were recorded. Contexts of one GPU share its stream.
///
/// It stays on the GPU that its thread had selected when it was made; with it are used tensors of that GPU.
template <class Device>
class GpuContext {
 public:
  /// The threads are those of the host, for what it does for the GPU: drawing orthogonal matrices.
  explicit GpuContext(int threads = 0) : threads_(threads > 0 ? threads : default_threads()), gpu_(&Gpu<Device>::selected()) {}
  GpuContext(GpuContext&&) noexcept = default;
  GpuContext& operator=(GpuContext&&) noexcept = default;

  int threads() const { return threads_; }
  Gpu<Device>& gpu() const { return *gpu_; }

  /// Whether products of floats round their operands to TF32, with 10 bits of fraction, for several times the speed (the
  /// default), or are those of float32.
  bool exact_products() const { return exact_products_; }
  void set_exact_products(bool exact) { exact_products_ = exact; }

  /// Which convolutions are the library's; the others are nash's own.
  LibraryConvolutions library_convolutions() const { return library_convolutions_; }
  void set_library_convolutions(LibraryConvolutions which) { library_convolutions_ = which; }

  template <class T>
  typename Arena<Device>::template Scratch<T> scratch(index_t count) {
    return {arena_, count};
  }

  /// An operation is safe that changes nothing that lasts where condition() says so; one of a library is where it writes scratch memory.
  void add(const Operation& operation, bool safe = false) {
    if (updates_ && !safe && !writes_scratch(operation)) ++unconditional_;
    if (recorder_ != nullptr)
      recorder_->add(operation);
    else
      gpu_->stream().enqueue(operation);
  }

  /// Whether an address of the GPU is that of scratch memory of this context.
  bool is_scratch(const void* address) const { return arena_.holds(address); }

  /// The value that the operations so far leave at an address of the GPU. While a ReadingLater lives it does not wait for it, and
  /// returns 1.
  double read(const double* value) {
    if (reads_later_) {
      add(readings_.keep(value));
      return 1;
    }
    if (pinned_ == nullptr) pinned_.reset(static_cast<double*>(Driver<Device>::allocate_pinned(sizeof(double))));
    add(Transfer{Transfer::Kind::to_host, pinned_.get(), value, sizeof(double)});
    synchronise();
    return *pinned_;
  }

  /// Returns when all operations so far are done.
  void synchronise() {
    if (recorder_ != nullptr) recorder_->cut();
    gpu_->stream().synchronise();
  }

  /// Before at most so many values are read later.
  void expect_readings(index_t count) { readings_.expect(count); }
  /// How many values were to be read later since then.
  index_t readings_so_far() const { return readings_.count(); }
  /// Waits, and returns what was read since, in its order.
  std::span<const double> readings() {
    if (readings_.count() > 0) add(readings_.transfer());
    synchronise();
    return readings_.values();
  }

  /// While it lives, and is wanted, what is read comes when readings() is called: the host goes on without it.
  class ReadingLater {
   public:
    ReadingLater(GpuContext& context, bool wanted) : context_(context), before_(std::exchange(context.reads_later_, wanted)) {}
    ReadingLater(const ReadingLater&) = delete;
    ReadingLater& operator=(const ReadingLater&) = delete;
    ~ReadingLater() { context_.reads_later_ = before_; }

   private:
    GpuContext& context_;
    bool before_;
  };
  ReadingLater read_later(bool wanted) { return ReadingLater(*this, wanted); }

  /// While it lives, operations change what is to last. Where it is conditional, pointwise ones do nothing unless all that was read
  /// later is finite. Those that may change what lasts in any case are counted.
  class Updating {
   public:
    Updating(GpuContext& context, bool conditional) : context_(context) {
      context_.updates_ = true;
      context_.gpu_->set_copy_count(&context_.unconditional_);
      if (conditional) context_.condition_ = context_.readings_.all_finite();
    }
    Updating(const Updating&) = delete;
    Updating& operator=(const Updating&) = delete;
    ~Updating() {
      context_.updates_ = false;
      context_.condition_ = nullptr;
      context_.gpu_->set_copy_count(nullptr);
    }

   private:
    GpuContext& context_;
  };
  Updating updating(bool conditional) { return Updating(*this, conditional); }

  /// Where 0 is, conditional operations do nothing; null: they are as others.
  const double* condition() const { return condition_; }
  /// How many operations within updates might have changed what lasts in any case so far.
  index_t unconditional() const { return unconditional_; }

  /// While it lives, operations belong to the sequence named by a number and run as graphs from its second time on; see Recorder.
  /// Unless it is wanted, it does nothing.
  class Recording {
   public:
    Recording(GpuContext& context, std::uint64_t name, bool wanted) : context_(&context), exceptions_(std::uncaught_exceptions()) {
      if (!wanted) return;
      auto& recorder = context.recorders_[name];
      if (recorder == nullptr) recorder = std::make_unique<Recorder<Device>>(context.gpu_->stream());
      context.recorder_ = recorder.get();
      context.recorder_->begin();
      context.gpu_->set_recorder(context.recorder_);
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording() noexcept(false) {
      Recorder<Device>* const recorder = std::exchange(context_->recorder_, nullptr);
      if (recorder == nullptr) return;
      context_->gpu_->set_recorder(nullptr);
      if (std::uncaught_exceptions() > exceptions_)
        recorder->abandon();
      else
        recorder->end();
    }

   private:
    GpuContext* context_;
    int exceptions_;
  };
  Recording record_sequence(std::uint64_t name, bool wanted = true) { return Recording(*this, name, wanted); }

  /// How many graphs the sequence of this name consists of so far.
  std::size_t graphs(std::uint64_t name) const {
    const auto found = recorders_.find(name);
    return found == recorders_.end() ? 0 : found->second->graphs();
  }

 private:
  bool writes_scratch(const Operation& operation) const {
    if (const auto* const product = std::get_if<ColumnMajorProduct>(&operation)) return is_scratch(product->c);
    if (const auto* const convolution = std::get_if<LibraryConvolution>(&operation)) return is_scratch(convolution->result);
    return false;
  }

  struct GiveBackPinned {
    void operator()(double* memory) const { Driver<Device>::deallocate_pinned(memory); }
  };

  int threads_;
  Gpu<Device>* gpu_;
  bool exact_products_ = false;
  LibraryConvolutions library_convolutions_ = LibraryConvolutions::large;
  Arena<Device> arena_;
  std::unique_ptr<double, GiveBackPinned> pinned_;
  std::map<std::uint64_t, std::unique_ptr<Recorder<Device>>> recorders_;
  Recorder<Device>* recorder_ = nullptr;
  Readings<Device> readings_;
  bool reads_later_ = false, updates_ = false;
  const double* condition_ = nullptr;
  index_t unconditional_ = 0;
};

}  // namespace nash
