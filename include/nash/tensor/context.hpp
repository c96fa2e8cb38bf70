// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "nash/core/random.hpp"
#include "nash/tensor/arena.hpp"
#include "nash/tensor/filter_store.hpp"

namespace nash {

/// What kernels need besides their operands: threads and scratch memory. The caller owns it; nash has no globals.
///
/// One context serves one host thread at a time; two trainers in two threads have one each.
template <class Device = Cpu>
class Context {
 public:
  /// With 0 threads the context takes OMP_NUM_THREADS or, without it, all cores. Throws ShapeError below 0 and above 1024.
  explicit Context(int threads = 0) : threads_(threads != 0 ? threads : default_threads()) {
    if (threads < 0 || threads > 1024)
      throw ShapeError("Context", "0 threads, for all cores, or 1 to 1024", concat({threads}), "leave the number out");
  }

  int threads() const { return threads_; }

  /// The widest instruction set that kernels may use; lower it to test or to compare.
  InstructionSet instruction_set() const { return instruction_set_; }
  void limit_instruction_set(InstructionSet limit) { instruction_set_ = std::min(limit, detect_instruction_set()); }

  /// Uninitialised memory until the end of the scope: auto sums = context.template scratch<T>(2 * channels);
  template <class T>
  typename Arena<Device>::template Scratch<T> scratch(index_t count) {
    return {arena_, count};
  }

  /// Where kernels keep the filters at an address in the forms that they pack them in; null where they pack them at each call.
  FilterStore* filter_store(const void* filters) const {
    const auto store = std::find_if(filter_stores_->begin(), filter_stores_->end(), [filters](const FilterStore* each) { return each->has(filters); });
    return store == filter_stores_->end() ? nullptr : *store;
  }
  /// The stores that are in use, each as long as a KeptFilters lives; they go along when the context is moved.
  const std::shared_ptr<std::vector<FilterStore*>>& filter_stores() { return filter_stores_; }

 private:
  int threads_;
  InstructionSet instruction_set_ = detect_instruction_set();
  Arena<Device> arena_;
  std::shared_ptr<std::vector<FilterStore*>> filter_stores_ = std::make_shared<std::vector<FilterStore*>>();
};

}  // namespace nash
