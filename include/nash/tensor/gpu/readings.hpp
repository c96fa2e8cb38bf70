// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "nash/tensor/gpu/driver.hpp"
#include "nash/tensor/tensor.hpp"

namespace nash {

/// kept := value, and all_finite := 0 if that is not finite: one thread.
struct KeepReading {
  static constexpr int threads = 1;
  struct Shared {};
  const double* value;
  double* kept;
  double* all_finite;
  index_t first;  ///< 1: nothing was kept before

  NASH_HOST_DEVICE int phases() const { return 1; }
  NASH_HOST_DEVICE void run(int, index_t, int, Shared&) const {
    *kept = *value;
    const double before = first != 0 ? 1.0 : *all_finite;
    *all_finite = std::isfinite(*value) ? before : 0.0;
  }
};

/// Values that the host reads all at once when a sequence of operations is over, instead of waiting for each, and whether all of them
/// so far are finite, for operations that depend on that.
template <class Device>
class Readings {
 public:
  /// Forgets what was read, and makes room for so many.
  void expect(index_t count) {
    count_ = 0;
    if (count <= capacity_) return;
    memory_ = Tensor<double, Device>(Shape{1 + count});
    pinned_.reset();  // whatever is thrown now, there is no smaller one
    capacity_ = 0;
    pinned_.reset(static_cast<double*>(Driver<Device>::allocate_pinned(sizeof(double) * static_cast<std::size_t>(count))));
    capacity_ = count;
  }

  KernelLaunch keep(const double* value) {
    if (count_ == capacity_) throw ShapeError("Readings", concat({"at most ", capacity_, " values"}), "one more", "expect as many as there are");
    const KeepReading kernel{value, memory_.data() + 1 + count_, memory_.data(), count_ == 0 ? 1 : 0};
    ++count_;
    return KernelLaunch::of(Driver<Device>::template entry<KeepReading>(), 1, kernel);
  }

  /// What brings them to the host, where values() are when it is done.
  Transfer transfer() { return {Transfer::Kind::to_host, pinned_.get(), memory_.data() + 1, sizeof(double) * static_cast<std::size_t>(count_)}; }
  std::span<const double> values() const { return {pinned_.get(), static_cast<std::size_t>(count_)}; }

  index_t count() const { return count_; }
  const double* all_finite() const { return memory_.data(); }

 private:
  struct GiveBackPinned {
    void operator()(double* memory) const { Driver<Device>::deallocate_pinned(memory); }
  };

  Tensor<double, Device> memory_;  // whether all are finite, then the values
  std::unique_ptr<double, GiveBackPinned> pinned_;
  index_t count_ = 0, capacity_ = 0;
};

}  // namespace nash
