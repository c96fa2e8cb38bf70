// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/gpu/divisor.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "nash/core/random.hpp"

using namespace nash;

TEST_CASE("dividing by multiplying is dividing, at every edge and at random") {
  const RandomStream random(1);
  std::vector<std::uint32_t> numbers;
  for (int bit = 0; bit < 31; ++bit)
    for (const std::uint32_t offset : {0u, 1u, 2u}) numbers.push_back((std::uint32_t{1} << bit) - 1 + offset);
  numbers.push_back(0), numbers.push_back(static_cast<std::uint32_t>(Divisor::most));
  for (index_t i = 0; i < 300; ++i) numbers.push_back(random.bits(i) >> (1 + i % 28));
  for (const std::uint32_t d : numbers) {
    if (d == 0 || d > Divisor::most) continue;
    const Divisor divisor(d);
    for (const std::uint32_t n : numbers) {
      std::uint32_t rest = n;
      const std::uint32_t remainder = divisor.split(rest);
      if (rest != n / d || remainder != n % d) FAIL("of ", n, " and ", d, ": ", rest, " and ", remainder);
    }
    for (std::uint32_t multiple = d; multiple <= Divisor::most && multiple > d - 1 && multiple / d < 50; multiple += d)
      if (divisor.quotient(multiple) != multiple / d || divisor.quotient(multiple - 1) != (multiple - 1) / d) FAIL("of ", multiple, " and ", d);
  }
}
