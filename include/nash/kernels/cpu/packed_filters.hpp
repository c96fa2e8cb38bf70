// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// The first place of a FilterStore::Form: who packs.
enum class FilterForm : index_t { panels, filtering, split };

/// Where a right operand is packed: in the store that keeps its values' forms, where it may lie from an earlier call, or in scratch memory.
template <class T>
class PackedFilters {
 public:
  NASH_COLD PackedFilters(Context<Cpu>& context, const T* source, FilterStore::Form form, index_t count)
      : store_(context.filter_store(source)), scratch_(context.template scratch<T>(store_ != nullptr ? 0 : count)), data_(scratch_.data()) {
    if (store_ == nullptr) return;
    form.back() = static_cast<index_t>(context.instruction_set());
    place_ = store_->find(source, form, count * static_cast<index_t>(sizeof(T)));
    data_ = static_cast<T*>(static_cast<void*>(place_.memory));
  }

  T* data() const { return data_; }
  /// Whether it is there already.
  bool are_packed() const { return place_.is_packed; }
  /// They are there now.
  void set_packed() {
    if (store_ != nullptr) store_->set_packed(place_);
  }

 private:
  FilterStore* store_;
  typename Arena<Cpu>::template Scratch<T> scratch_;
  FilterStore::Place place_;
  T* data_;
};

}  // namespace nash::cpu
