// SPDX-License-Identifier: Apache-2.0
#include "nash/core/any_value.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace nash;

namespace {

/// Counts how many of it are alive.
struct Counted {
  static inline int alive = 0;
  int value = 7;
  Counted() { ++alive; }
  Counted(const Counted& other) : value(other.value) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

int& value_of(const AnyValue& any) { return static_cast<Counted*>(any.get())->value; }

}  // namespace

TEST_CASE("AnyValue's copies are deep, its moves take the value along, and each value is destroyed once") {
  {
    AnyValue a(value_table<Counted>);
    CHECK(a.table() == &value_table<Counted>);
    CHECK(value_of(a) == 7);
    AnyValue b = a;
    value_of(b) = 8;
    CHECK(value_of(a) == 7);
    CHECK(Counted::alive == 2);
    void* const place = b.get();
    AnyValue c = std::move(b);
    CHECK(c.get() == place);
    CHECK(b.get() == nullptr);  // NOLINT: what is left is no value
    CHECK(b.table() == nullptr);
    a = c;
    CHECK(value_of(a) == 8);
    CHECK(Counted::alive == 2);
    a = AnyValue(std::vector<int>{1, 2});
    CHECK(a.table() == &value_table<std::vector<int>>);
    CHECK(Counted::alive == 1);
    const AnyValue none, copy = none;
    CHECK(copy.get() == nullptr);
    CHECK(copy.table() == nullptr);
  }
  CHECK(Counted::alive == 0);
}
