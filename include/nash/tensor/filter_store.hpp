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

  /// Whether it has weights in common with another.
  bool overlaps(const FilterStore& other) const { return std::less<>{}(begin_, other.end_) && std::less<>{}(other.begin_, end_); }
  bool has(const void* weights) const { return std::less_equal<>{}(begin_, weights) && std::less<>{}(weights, end_); }

  /// Where the weights at an address lie, or are to be packed, in one form.
  struct Place {
    std::size_t entry = 0;
    std::byte* memory = nullptr;
    bool is_packed = false;  ///< they are there since the last forget()
  };
  NASH_COLD Place find(const void* weights, const Form& form, index_t bytes) {
    auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.weights == weights && e.form == form && e.memory.count() == bytes; });
    if (entry == entries_.end()) entry = entries_.insert(entry, Entry{weights, form, Storage<std::byte, Cpu>(bytes), false});
    return {static_cast<std::size_t>(entry - entries_.begin()), entry->memory.data(), entry->is_packed};
  }
  void set_packed(const Place& place) { entries_[place.entry].is_packed = true; }

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

  const void *begin_, *end_;
  std::vector<Entry> entries_;
};

}  // namespace nash
