// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "nash/tensor/memory.hpp"

namespace nash {

/// The weights at some addresses as kernels of the host have packed them, each in the forms that some kernel wanted. See KeptFilters.
class FilterStore {
 public:
  /// What tells the forms of the same weights apart, in a kernel's own words.
  using Form = std::array<index_t, 16>;

  /// For the weights in [begin, end).
  FilterStore(const void* begin, const void* end) : begin_(begin), end_(end) {}

  bool has(const void* weights) const { return std::less_equal<>{}(begin_, weights) && std::less<>{}(weights, end_); }

  /// Memory for `count` values of one form of the weights at an address; `is_packed` becomes whether they are there since the last forget().
  template <class T>
  T* find(const void* weights, const Form& form, index_t count, bool& is_packed) {
    return static_cast<T*>(static_cast<void*>(find_bytes(weights, form, count * static_cast<index_t>(sizeof(T)), is_packed)));
  }

  /// The weights have changed. The memory stays.
  void forget() {
    for (Entry& entry : entries_) entry.is_packed = false;
  }

 private:
  struct Entry {
    const void* weights;
    Form form;
    Storage<std::byte, Cpu> memory;
    bool is_packed;
  };

  NASH_COLD std::byte* find_bytes(const void* weights, const Form& form, index_t bytes, bool& is_packed) {
    auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.weights == weights && e.form == form && e.memory.count() == bytes; });
    if (entry == entries_.end()) entry = entries_.insert(entry, Entry{weights, form, Storage<std::byte, Cpu>(bytes), false});
    is_packed = std::exchange(entry->is_packed, true);
    return entry->memory.data();
  }

  const void *begin_, *end_;
  std::vector<Entry> entries_;
};

}  // namespace nash
