// SPDX-License-Identifier: Apache-2.0
#include "nash/method/reflected_positions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace nash;

TEST_CASE("an axis is mirrored at its ends, which are not repeated") {
  std::vector<index_t> found;
  for (index_t i = -5; i < 9; ++i) found.push_back(reflected(i, 4));
  CHECK(found == std::vector<index_t>{1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2});
  CHECK(reflected(-3, 1) == 0);
  CHECK(reflected(7, 2) == 1);
}

TEST_CASE("the positions that are a pixel's are all of them, each once") {
  for (index_t size = 1; size < 6; ++size)
    for (index_t low = -12; low < 9; ++low)
      for (index_t i = 0; i < size; ++i) {
        std::vector<index_t> found, expected;
        for (ReflectedPositions p(i, size, low, 10); p.valid(); p.next()) found.push_back(p.position());
        std::sort(found.begin(), found.end());
        for (index_t p = low; p <= 10; ++p)
          if (reflected(p, size) == i) expected.push_back(p);
        REQUIRE(found == expected);
      }
}
