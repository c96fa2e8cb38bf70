// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/arena.hpp"

#include "allocations.hpp"
#include "message_of.hpp"

#include <doctest/doctest.h>

using namespace nash;

namespace {

template <class T = float>
auto take(Arena<Cpu>& arena, index_t count) {
  return Arena<Cpu>::Scratch<T>(arena, count);
}

bool apart(const auto& a, const auto& b) {
  const auto begin = [](const auto& s) { return reinterpret_cast<std::uintptr_t>(s.data()); };
  const auto end = [&](const auto& s) { return begin(s) + static_cast<std::uintptr_t>(s.count()) * sizeof(*s.data()); };
  return end(a) <= begin(b) || end(b) <= begin(a);
}

}  // namespace

TEST_CASE("what is taken last is given back first") {
  Arena<Cpu> arena;
  { const auto warm = take(arena, 1000); }
  const auto first = take(arena, 10);
  const float* reused = nullptr;
  {
    const auto second = take(arena, 20);
    reused = second.data();
    CHECK(apart(first, second));
  }
  const auto third = take(arena, 5);
  CHECK(third.data() == reused);
}

TEST_CASE("pieces of one block are aligned too") {
  Arena<Cpu> arena;
  { const auto warm = take<char>(arena, 10000); }
  const auto a = take<char>(arena, 1);
  const auto b = take<double>(arena, 3);
  const auto c = take<float>(arena, 17);
  CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(c.data()) % 64 == 0);
  CHECK(apart(a, b));
  CHECK(apart(b, c));
}

TEST_CASE("everything taken at one time lies apart and is aligned, whatever the arena had to grow") {
  Arena<Cpu> arena;
  const auto a = take<double>(arena, 3);
  const auto b = take<float>(arena, 1000);
  const auto c = take<char>(arena, 1);
  const auto d = take<double>(arena, 100000);
  const auto e = take<float>(arena, 7);
  for (const void* const data : {static_cast<void*>(a.data()), static_cast<void*>(b.data()), static_cast<void*>(c.data()),
                                 static_cast<void*>(d.data()), static_cast<void*>(e.data())})
    CHECK(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
  CHECK(apart(a, b));
  CHECK(apart(a, c));
  CHECK(apart(a, d));
  CHECK(apart(b, c));
  CHECK(apart(b, d));
  CHECK(apart(c, d));
  CHECK(apart(d, e));
  std::fill_n(a.data(), 3, 1.0);
  std::fill_n(b.data(), 1000, 2.0f);
  std::fill_n(d.data(), 100000, 3.0);
  CHECK(a.data()[2] == 1);
  CHECK(b.data()[999] == 2);
}

TEST_CASE("memory taken before the arena grows stays where it is") {
  Arena<Cpu> arena;
  const auto small = take(arena, 16);
  small.data()[15] = 42;
  const float* const address = small.data();
  for (index_t count = 100; count < 100000; count *= 3) {
    const auto large = take(arena, count);
    std::fill_n(large.data(), count, 0.0f);
    CHECK(apart(small, large));
  }
  CHECK(small.data() == address);
  CHECK(small.data()[15] == 42);
}

TEST_CASE("the blocks are joined when nothing is in use, and the same demands then allocate nothing") {
  if (!counts_allocations()) return;
  Arena<Cpu> arena;
  const auto step = [&] {
    const auto a = take(arena, 100);
    const auto b = take(arena, 3000);
    { const auto c = take(arena, 50000); }
    const auto d = take(arena, 20000);
    CHECK(apart(b, d));
  };
  step();
  step();  // joins the blocks of the first one before it takes any
  const std::int64_t before = allocation_count();
  step();
  step();
  CHECK(allocation_count() == before);
}

TEST_CASE("the joined block has room for the most that was in use at a time, and for no more") {
  if (!counts_allocations()) return;
  Arena<Cpu> arena;
  const auto step = [&] {
    const auto a = take(arena, 160);
    { const auto b = take(arena, 50000); }
    { const auto c = take(arena, 40000); }
    const auto d = take(arena, 1600);
  };
  const auto allocations_of_taking = [&](index_t count) {
    const std::int64_t before = allocation_count();
    { const auto all = take(arena, count); }
    return allocation_count() - before;
  };
  step();
  step();
  CHECK(allocations_of_taking(50160) == 0);
  CHECK(allocations_of_taking(50160 + 16) > 0);
}

TEST_CASE("what needed several blocks lies in one the next time") {
  Arena<Cpu> arena;
  const auto distance = [&] {
    const auto a = take(arena, 16);
    const auto b = take(arena, 50000);
    const auto c = take(arena, 16);
    return c.data() - a.data();
  };
  (void)distance();
  CHECK(distance() == 16 + 50000);
}

TEST_CASE("nothing can be taken too") {
  Arena<Cpu> arena;
  const auto nothing = take(arena, 0);
  const auto some = take(arena, 4);
  std::fill_n(some.data(), 4, 1.0f);
  const auto none = take(arena, 0);
  CHECK(nothing.count() == 0);
  CHECK(none.count() == 0);
}

TEST_CASE("scratch is seen as a tensor that cannot outgrow it") {
  Arena<Cpu> arena;
  const auto scratch = take(arena, 6);
  auto x = scratch.tensor({2, 3});
  CHECK(x.data() == scratch.data());
  CHECK_THROWS_AS(x.resize({7}), ShapeError);
}

TEST_CASE("an exception gives back what was taken") {
  Arena<Cpu> arena;
  { const auto warm = take(arena, 1000); }
  const float* first = nullptr;
  try {
    const auto a = take(arena, 10);
    first = a.data();
    const auto b = take(arena, 10);
    throw 1;
  } catch (int) {
  }
  CHECK(take(arena, 10).data() == first);
}
