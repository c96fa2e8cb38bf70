// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/tensor.hpp"

#include "allocations.hpp"
#include "message_of.hpp"

#include <doctest/doctest.h>

using namespace nash;

namespace {
using Values = std::vector<float>;
}

TEST_CASE("a tensor holds the values that it was given, in order") {
  const Tensor<float> x(Shape{2, 3}, Values{1, 2, 3, 4, 5, 6});
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.count() == 6);
  CHECK(x[4] == 5);
  CHECK(x.to_host() == Values{1, 2, 3, 4, 5, 6});
  CHECK(std::accumulate(x.begin(), x.end(), 0.0f) == 21);
  CHECK(Tensor<float>::zeros({2, 2}).to_host() == Values{0, 0, 0, 0});
  CHECK(message_of<ShapeError>([] { Tensor<float>(Shape{2, 3}, Values{1, 2}); }) ==
        "Tensor: expected 6 values for 2×3, got 2.\nGive one value an element.");
}

TEST_CASE("a tensor of one value everywhere costs its own memory and no more") {
  CHECK(Tensor<double>::filled({2, 1}, 2.5).to_host() == std::vector<double>{2.5, 2.5});
  CHECK(Tensor<float>::zeros({0, 3}).to_host().empty());
  if (!counts_allocations()) return;
  const std::int64_t before = allocation_count();
  const auto zeros = Tensor<float>::zeros({1000});
  const auto ones = Tensor<float, Reference>::filled({1000}, 1);
  CHECK(allocation_count() - before == 2);
}

TEST_CASE("a tensor made of nothing is empty") {
  Tensor<float> x;
  CHECK(x.empty());
  CHECK(x.shape() == Shape{0});
  CHECK(x.data() == nullptr);
  const Tensor<float> copy = x;
  CHECK(copy.empty());
  x.resize({0, 5});
  CHECK(x.shape() == Shape{0, 5});
  CHECK(x.to_host().empty());
}

TEST_CASE("memory is aligned to a cache line") {
  for (const index_t count : {1, 3, 17, 1000}) {
    const Tensor<float> x(Shape{count});
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == 0);
  }
}

TEST_CASE("resize keeps the memory while it suffices, and the values where their number stays") {
  Tensor<float> x(Shape{2, 3}, Values{1, 2, 3, 4, 5, 6});
  const float* const memory = x.data();
  x.resize({3, 2});
  CHECK(x.to_host() == Values{1, 2, 3, 4, 5, 6});
  x.resize({2});
  x.resize({6});
  CHECK(x.data() == memory);
  x.resize({7});
  CHECK(x.count() == 7);
  x[6] = 1;
}

TEST_CASE("copies are deep, moves are not") {
  Tensor<float> x(Shape{3}, Values{1, 2, 3});
  Tensor<float> copy = x;
  x[0] = 9;
  CHECK(copy.to_host() == Values{1, 2, 3});
  const float* const memory = x.data();
  Tensor<float> moved = std::move(x);
  CHECK(moved.data() == memory);
  CHECK(x.empty());
  copy = moved;
  CHECK(copy.to_host() == Values{9, 2, 3});
  CHECK(copy.data() != memory);
  Tensor<float>& self = copy;
  copy = self;
  CHECK(copy.to_host() == Values{9, 2, 3});
  copy = std::move(moved);
  CHECK(copy.data() == memory);
}

TEST_CASE("a borrowed tensor uses the memory of its owner, and never more than it was given") {
  Values memory{1, 2, 3, 4, 5};
  auto x = Tensor<float>::borrow(memory.data(), 4, {2});
  x[1] = 7;
  CHECK(memory[1] == 7);
  x.resize({2, 2});
  CHECK(x.data() == memory.data());
  CHECK(message_of<ShapeError>([&] { x.resize({5}); }) ==
        "Tensor: expected at most 4 elements of borrowed memory, got 5.\nBorrow more or use an owning tensor.");
  CHECK(x.shape() == Shape{2, 2});
  CHECK(message_of<ShapeError>([&] { Tensor<float>::borrow(memory.data(), 4, {5}); }) != "");

  Tensor<float> copy = x;
  copy[0] = 100;
  CHECK(memory[0] == 1);
  copy.resize({50});
  const Tensor<float> moved = std::move(x);
  CHECK(moved.data() == memory.data());
}

TEST_CASE("assigning to a borrowed tensor writes into its memory") {
  Values memory{1, 2, 3};
  auto x = Tensor<float>::borrow(memory.data(), 3, {3});
  const Tensor<float> other(Shape{2}, Values{7, 8});
  x = other;
  CHECK(memory == Values{7, 8, 3});
  CHECK(x.shape() == Shape{2});
  const Tensor<float> larger(Shape{9});
  CHECK_THROWS_AS(x = larger, ShapeError);
}

TEST_CASE("convert rounds to the other scalar type and keeps memory") {
  const Tensor<double> x(Shape{2}, std::vector<double>{0.1, -2});
  Tensor<float, Reference> y(Shape{5});
  const float* const memory = y.data();
  convert(x, y);
  CHECK(y.shape() == Shape{2});
  CHECK(y.data() == memory);
  CHECK(y.to_host() == Values{0.1f, -2});
}

TEST_CASE("more bytes than there can be are refused, not wrapped around") {
  CHECK_THROWS_AS(Tensor<float>(Shape{index_t{1} << 31, index_t{1} << 31}), ShapeError);      // 2^64 bytes
  CHECK_THROWS_AS(Tensor<double>(Shape{index_t{1} << 31, index_t{1} << 30, 3}), ShapeError);  // more than that
}
