// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// The first place of a FilterStore::Form: who packs.
enum class FilterForm : index_t { panels, filtering };

/// Where a right operand is packed: in the store that keeps its values' forms, where it may lie from an earlier call, or in scratch memory.
template <class T>
class PackedFilters {
 public:
  NASH_COLD PackedFilters(Context<Cpu>& context, const T* source, FilterStore::Form form, index_t count)
      : store_(context.filter_store(source)), scratch_(context.template scratch<T>(store_ != nullptr ? 0 : count)), data_(scratch_.data()) {
    if (store_ == nullptr) return;
    form.back() = static_cast<index_t>(context.instruction_set());
    data_ = store_->find<T>(source, form, count, are_packed_);
  }

  T* data() const { return data_; }
  /// Whether it is there already.
  bool are_packed() const { return are_packed_; }

 private:
  FilterStore* store_;
  typename Arena<Cpu>::template Scratch<T> scratch_;
  T* data_;
  bool are_packed_ = false;
};

}  // namespace nash::cpu
