// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "nash/core/platform.hpp"

namespace nash {

/// How values of one type are made, copied and destroyed, for owners that do not know the type.
struct ValueTable {
  void* (*make)();  ///< null where there is no default constructor
  void* (*copy)(const void* value);
  void (*destroy)(void* value);
};

template <class V>
struct ValueFunctions {
  static void* make() { return new V(); }
  static void* copy(const void* value) { return new V(*static_cast<const V*>(value)); }
  static void destroy(void* value) { delete static_cast<V*>(value); }

  static constexpr ValueTable table() {
    if constexpr (std::is_default_constructible_v<V>)
      return {make, copy, destroy};
    else
      return {nullptr, copy, destroy};
  }
};

template <class V>
inline constexpr ValueTable value_table = ValueFunctions<V>::table();

/// A value of any copyable type, or none. Copies are deep.
class AnyValue {
  struct Destroy {
    const ValueTable* table;
    void operator()(void* value) const { table->destroy(value); }
  };

 public:
  AnyValue() = default;
  /// A value by default construction.
  explicit AnyValue(const ValueTable& table) : value_(table.make(), Destroy{&table}) {}
  template <class V>
    requires(std::is_object_v<V> && !std::is_const_v<V> && !std::is_same_v<V, AnyValue> && !std::is_same_v<V, ValueTable>)
  NASH_COLD explicit AnyValue(V&& value) : value_(new V(std::move(value)), Destroy{&value_table<V>}) {}

  AnyValue(const AnyValue& other)
      : value_(other.value_ == nullptr ? nullptr : other.table()->copy(other.get()), other.value_.get_deleter()) {}
  AnyValue& operator=(const AnyValue& other) { return *this = AnyValue(other); }
  AnyValue(AnyValue&&) noexcept = default;
  AnyValue& operator=(AnyValue&&) noexcept = default;

  void* get() const { return value_.get(); }
  /// Of the value's type; null where there is no value.
  const ValueTable* table() const { return value_ == nullptr ? nullptr : value_.get_deleter().table; }

 private:
  std::unique_ptr<void, Destroy> value_;
};

}  // namespace nash
