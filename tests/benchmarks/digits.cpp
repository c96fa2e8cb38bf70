// SPDX-License-Identifier: Apache-2.0
#include "../../benchmarks/gpu/digits.hpp"

#include <doctest/doctest.h>

#include "nash/core/random.hpp"

using namespace nash;

TEST_CASE("pictures that are constant, noise, one digit or far from all digits are told from digits") {
  // "Digits": strokes of 12×4 pixels, anywhere but at the border.
  constexpr index_t side = 28, pixels = side * side, count = 64;
  const RandomStream random(1);
  std::vector<std::uint8_t> bytes;
  for (index_t n = 0; n < 2 * count; ++n) {
    const index_t top = 2 + n / 2 % 12, left = 2 + n % 21;
    for (index_t i = 0; i < pixels; ++i)
      bytes.push_back(i / side >= top && i / side < top + 12 && i % side >= left && i % side < left + 4 ? 255 : 0);
  }
  const Dataset digits("made up", Shape{2 * count, side, side, 1}, bytes);
  const auto pictures = [&](const auto& value) {
    std::vector<float> all;
    for (index_t n = 0; n < count; ++n)
      for (index_t i = 0; i < pixels; ++i) all.push_back(static_cast<float>(value(n, i)));
    return all;
  };
  const auto digit = [&](index_t n, index_t i) { return bytes[static_cast<std::size_t>((2 * n + 1) * pixels + i)] / 127.5 - 1; };
  const auto inside = [&](index_t i) { return i / side > 0 && i / side < side - 1 && i % side > 0 && i % side < side - 1; };
  CHECK(gpu_check::flaw_of(pictures(digit), digits) == "");
  CHECK(gpu_check::flaw_of(pictures([](index_t, index_t) { return -1.0; }), digits) == "the pictures are all the same");
  CHECK(gpu_check::flaw_of(pictures([&](index_t, index_t i) { return digit(0, i); }), digits) == "the pictures are all the same");
  CHECK(gpu_check::flaw_of(pictures([&](index_t n, index_t i) { return 2 * random.uniform(n * pixels + i) - 1; }), digits) ==
        "the pictures vary at the border, as noise does and digits do not");
  CHECK(gpu_check::flaw_of(pictures([&](index_t n, index_t i) { return inside(i) ? 2 * random.uniform(n * pixels + i) - 1 : -1; }), digits) ==
        "the pictures are far from every digit");
  const std::vector<float> nan(static_cast<std::size_t>(count * pixels), std::numeric_limits<float>::quiet_NaN());
  CHECK(gpu_check::flaw_of(nan, digits) != "");
}
