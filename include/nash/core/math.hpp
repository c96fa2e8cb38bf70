// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "nash/core/platform.hpp"

namespace nash {

/// √x for finite x ≥ 0, within 1 ulp for normal x (a subnormal x may give 0).
///
/// std::sqrt has to set errno for negative x, and compilers make no vector loop of a function that does; this one is
/// arithmetic alone: three or four of Newton's steps for 1/√x from a guess by the exponent, then one for √x.
template <class T>
NASH_HOST_DEVICE inline T square_root(T x) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
    constexpr Bits magic = std::is_same_v<T, float> ? static_cast<Bits>(0x5F375A86) : static_cast<Bits>(0x5FE6EB50C7B537A9);
    constexpr int steps = std::is_same_v<T, float> ? 3 : 4;
    const T half = T{0.5} * x;
    T inverse = std::bit_cast<T>(static_cast<Bits>(magic - (std::bit_cast<Bits>(x) >> 1)));
    for (int i = 0; i < steps; ++i) inverse = inverse * (T{1.5} - half * inverse * inverse);
    const T root = x * inverse;
    return root + T{0.5} * inverse * (x - root * root);
  } else {
    return std::sqrt(x);
  }
}

}  // namespace nash
