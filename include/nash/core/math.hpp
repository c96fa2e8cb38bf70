// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "nash/core/platform.hpp"

namespace nash {

/// √x for x ≥ 0, within 1 ulp for normal x (a subnormal x may give 0); infinite for an infinite x.
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
    const T root = x * inverse, closer = root + T{0.5} * inverse * (x - root * root);
    constexpr Bits infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    const Bits finite = Bits{0} - static_cast<Bits>(std::bit_cast<Bits>(x) < infinity);  // all bits or none
    return std::bit_cast<T>((std::bit_cast<Bits>(closer) & finite) | (std::bit_cast<Bits>(x) & ~finite));
  } else {
    return std::sqrt(x);
  }
}

/// tanh x, for float within 3 ulp and by arithmetic alone, so that loops of it become vectors; other scalars take std::tanh.
///
/// Moshier's Cephes library, tanhf and expf: an odd polynomial near 0, and (1 − e)/(1 + e) with e = exp(−2|x|) beyond.
template <class T>
NASH_HOST_DEVICE inline T hyperbolic_tangent(T x) {
  if constexpr (std::is_same_v<T, float>) {
    // Both forms are made and one is chosen by its bits: a choice by a branch would keep loops from becoming vectors.
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), sign = bits & 0x80000000u;
    const float m = std::bit_cast<float>(bits ^ sign), z = m * m;
    const float near =
        m + m * z * ((((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z + 1.33314422036e-1f) * z - 3.33332819422e-1f);

    constexpr std::uint32_t ten = std::bit_cast<std::uint32_t>(10.0f);  // from there on, tanh is 1 to rounding
    const float exponent = -2.0f * std::bit_cast<float>((bits ^ sign) < ten ? bits ^ sign : ten);
    constexpr float shift = 0x1.8p23f;  // adding it rounds, since floats that large have no fractions
    const float rounded = exponent * 1.44269504089f + shift;
    const float n = rounded - shift, r = exponent - n * 0.693359375f + n * 2.12194440e-4f;
    const float power =
        1.0f + r + r * r * (((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r + 1.6666665459e-1f) * r + 5.0000001201e-1f);
    const float scale = std::bit_cast<float>((std::bit_cast<std::uint32_t>(rounded) + 127u) << 23);  // 2ⁿ: the low bits are n
    const float e = power * scale, far = (1.0f - e) / (1.0f + e);

    const std::uint32_t is_near = 0u - static_cast<std::uint32_t>(m < 0.625f), is_nan = 0u - static_cast<std::uint32_t>(x != x);
    const std::uint32_t chosen = (std::bit_cast<std::uint32_t>(near) & is_near) | (std::bit_cast<std::uint32_t>(far) & ~is_near);
    return std::bit_cast<float>(chosen | sign | is_nan);
  } else {
    return std::tanh(x);
  }
}

}  // namespace nash
