// SPDX-License-Identifier: Apache-2.0
#include "nash/core/shape.hpp"

#include "message_of.hpp"

#include <doctest/doctest.h>

using namespace nash;

TEST_CASE("a shape knows its extents and their products") {
  constexpr Shape images{64, 28, 14, 3};
  static_assert(images.rank() == 4 && images[2] == 14 && images.count() == 64 * 28 * 14 * 3);
  static_assert(images.count_per_sample() == 28 * 14 * 3 && images.rows() == 64 * 28 * 14 && images.channels() == 3);
  static_assert(images.with_samples(5) == Shape{5, 28, 14, 3});
  static_assert(Shape{7}.count_per_sample() == 1 && Shape{7}.rows() == 1 && Shape{7}.channels() == 7);
  static_assert(Shape{} != Shape{1} && Shape{2, 3} != Shape{3, 2} && Shape{2} != Shape{2, 1});
}

TEST_CASE("a shape of no axes has one element, one with an extent of 0 none") {
  static_assert(Shape{}.rank() == 0 && Shape{}.count() == 1 && Shape{}.rows() == 1 && Shape{}.channels() == 1);
  static_assert(Shape{0, 5}.count() == 0 && Shape{0, 5}.count_per_sample() == 5 && Shape{0, 5}.rows() == 0);
  static_assert(Shape{5, 0}.count() == 0 && Shape{5, 0}.rows() == 0);
}

TEST_CASE("a shape is written with × between its extents") {
  CHECK(Shape{64, 28, 28, 1}.text() == "64×28×28×1");
  CHECK(Shape{3}.text() == "3");
  CHECK(Shape{}.text() == "scalar");
  CHECK(concat({"got ", Shape{2, 3}}) == "got 2×3");
}

TEST_CASE("extents below 0, more than four, and products that do not fit are refused") {
  CHECK(message_of<ShapeError>([] { Shape{3, -1}; }) == "Shape: expected extents of at least 0, got -1.\nCheck the sizes that it was built from.");
  CHECK(message_of<ShapeError>([] { Shape{1, 2, 3, 4, 5}; }) == "Shape: expected at most 4 dimensions, got 5 dimensions.\nFold some of them together.");
  const index_t big = index_t{1} << 32;
  CHECK(message_of<ShapeError>([&] { (void)Shape{big, big}.count(); }) ==
        "Shape 4294967296×4294967296: expected a number of elements below 2^63, got more.\nUse smaller sizes.");
  CHECK(message_of<ShapeError>([&] { (void)Shape{1, big, big}.count_per_sample(); }) != "");
  CHECK(message_of<ShapeError>([&] { (void)Shape{big, big}.rows(); }) != "");
  CHECK(Shape{big, big / 2 - 1}.count() == big * (big / 2 - 1));
  CHECK(Shape{std::numeric_limits<index_t>::max(), 1}.count() == std::numeric_limits<index_t>::max());
}
