// SPDX-License-Identifier: Apache-2.0
#include "nash/method/pixel_blit.hpp"

#include "method/augmentation_checks.hpp"

using namespace nash;

namespace {

/// An image of 0, 1, 2, … after the maps of the first seed with which they are what `wanted` says.
std::vector<double> first_with(const PixelBlit& family, const Shape& shape, const auto& wanted) {
  Tensor<double> x(shape);
  std::iota(x.begin(), x.end(), 0.0);
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    if (wanted(map_of(family, shape, 0, 1, seed))) return mapped(family, x, 1, seed).to_host();
  return {};
}

}  // namespace

TEST_CASE("the way back of copied pixels is the adjoint") { check_family(PixelBlit{}); }

TEST_CASE("copies are exact: a mirror image, turns, and shifts whose borders are mirrored") {
  using Values = std::vector<double>;
  CHECK(first_with({.quarter_turns = false, .translation = 0}, {1, 2, 3, 1}, [](const AffineMap& m) { return m.cc == -1; }) == Values{2, 1, 0, 5, 4, 3});
  const PixelBlit turns{.flip = false, .translation = 0};
  CHECK(first_with(turns, {1, 3, 3, 1}, [](const AffineMap& m) { return m.rc == -1; }) == Values{6, 3, 0, 7, 4, 1, 8, 5, 2});
  CHECK(first_with(turns, {1, 3, 3, 1}, [](const AffineMap& m) { return m.rr == -1; }) == Values{8, 7, 6, 5, 4, 3, 2, 1, 0});
  CHECK(first_with(turns, {1, 3, 3, 1}, [](const AffineMap& m) { return m.rc == 1; }) == Values{2, 5, 8, 1, 4, 7, 0, 3, 6});
  const PixelBlit shifts{.flip = false, .quarter_turns = false, .translation = 0.5};
  CHECK(first_with(shifts, {1, 1, 4, 1}, [](const AffineMap& m) { return m.right == -2; }) == Values{2, 1, 0, 1});
  CHECK(first_with(shifts, {1, 1, 4, 1}, [](const AffineMap& m) { return m.right == 1; }) == Values{1, 2, 3, 2});
}

TEST_CASE("pixels are copied as often as is said") {
  const Shape shape{4000, 16, 16, 1};
  int flips = 0, turns[3] = {}, shifts = 0;
  for (index_t n = 0; n < 4000; ++n) {
    flips += map_of(PixelBlit{.quarter_turns = false, .translation = 0}, shape, n, 0.5).cc == -1;
    const AffineMap turn = map_of(PixelBlit{.flip = false, .translation = 0}, shape, n, 0.5);
    turns[0] += turn.rc == -1, turns[1] += turn.rr == -1, turns[2] += turn.rc == 1;
    const AffineMap shift = map_of(PixelBlit{.flip = false, .quarter_turns = false}, shape, n, 0.5);
    shifts += !shift.is_identity();
    CHECK((std::abs(shift.down) <= 2 && std::abs(shift.right) <= 2 && shift.down == std::round(shift.down) && shift.right == std::round(shift.right)));
  }
  CHECK(std::abs(flips - 1000) < 110);                                    // four standard deviations
  for (const int count : turns) CHECK(std::abs(count - 500) < 84);
  CHECK(std::abs(shifts - 1875) < 127);  // of 5×5 shifts the one by nothing, from −½ to ½ pixels each way of 4, is a sixteenth
}

TEST_CASE("a translation beyond the image is refused") {
  CHECK(message_of<ShapeError>([] { PixelBlit{.translation = 1.5}.check(); }) ==
        "PixelBlit: expected a translation from 0 to 1, got 1.5.\nCorrect the option; 0 leaves the map out.");
}
