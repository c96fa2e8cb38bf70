// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>

#include "nash/tensor/context.hpp"
#include "nash/tensor/gpu/gpu.hpp"

namespace nash {

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

  /// Whether convolutions of floats are those of the device's library where it has one (the default), or nash's own.
  bool library_convolutions() const { return library_convolutions_; }
  void set_library_convolutions(bool library) { library_convolutions_ = library; }

  template <class T>
  typename Arena<Device>::template Scratch<T> scratch(index_t count) {
    return {arena_, count};
  }

  void add(const Operation& operation) {
    if (recorder_ != nullptr)
      recorder_->add(operation);
    else
      gpu_->stream().enqueue(operation);
  }

  /// The value that the operations so far leave at an address of the GPU.
  double read(const double* value) {
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
  struct GiveBackPinned {
    void operator()(double* memory) const { Driver<Device>::deallocate_pinned(memory); }
  };

  int threads_;
  Gpu<Device>* gpu_;
  bool exact_products_ = false, library_convolutions_ = true;
  Arena<Device> arena_;
  std::unique_ptr<double, GiveBackPinned> pinned_;
  std::map<std::uint64_t, std::unique_ptr<Recorder<Device>>> recorders_;
  Recorder<Device>* recorder_ = nullptr;
};

}  // namespace nash
