// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
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
    const T half = T{0.5} * x;
    const T guess = std::bit_cast<T>(static_cast<Bits>(magic - (std::bit_cast<Bits>(x) >> 1)));
    const T first = guess * (T{1.5} - half * guess * guess);  // no loop of steps: with -O2 it would keep that over elements from becoming vectors
    const T second = first * (T{1.5} - half * first * first);
    const T third = second * (T{1.5} - half * second * second);
    const T inverse = std::is_same_v<T, float> ? third : third * (T{1.5} - half * third * third);
    const T root = x * inverse, closer = root + T{0.5} * inverse * (x - root * root);
    constexpr Bits infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    const Bits finite = Bits{0} - static_cast<Bits>(std::bit_cast<Bits>(x) < infinity);  // all bits or none
    return std::bit_cast<T>((std::bit_cast<Bits>(closer) & finite) | (std::bit_cast<Bits>(x) & ~finite));
  } else {
    return std::sqrt(x);
  }
}

/// log x for a normal x > 0, within 1 ulp, by arithmetic alone.
///
/// With x = 2ᵏ·m, m from √½ to √2, f = m − 1 and s = f / (2 + f): log m = 2·artanh s = f − f²/2 + s·(f²/2 + R),
/// R = 2·(s²/3 + s⁴/5 + …), since 2s = f − s·f.
NASH_ALWAYS_INLINE NASH_HOST_DEVICE double natural_log(double x) {
  constexpr std::uint64_t root_of_half = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);
  const auto bits = std::bit_cast<std::uint64_t>(x), above = bits - root_of_half;
  const double k = static_cast<std::int32_t>(static_cast<std::int64_t>(above) >> 52);
  const double f = std::bit_cast<double>(bits - (above & 0xFFF0000000000000u)) - 1, s = f / (2 + f), z = s * s;
  const double rest = z * (2.0 / 3 + z * (2.0 / 5 + z * (2.0 / 7 + z * (2.0 / 9 + z * (2.0 / 11 + z * (2.0 / 13 + z * (2.0 / 15 + z * (2.0 / 17 + z * (2.0 / 19 +
                      z * (2.0 / 21 + z * (2.0 / 23)))))))))));
  constexpr double log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;  // k times the first is exact
  const double half_square = 0.5 * f * f;
  return k * log2_high - ((half_square - (s * (half_square + rest) + k * log2_low)) - f);
}

struct SineAndCosine {
  double sine, cosine;
};

/// sin x and cos x for 0 ≤ x ≤ 2π, within 2 ulp of 1, by arithmetic alone: their series about the nearest multiple of π/2.
NASH_ALWAYS_INLINE NASH_HOST_DEVICE SineAndCosine sine_and_cosine(double x) {
  const auto quarter = static_cast<std::int32_t>(x * (2 / std::numbers::pi) + 0.5);
  constexpr double half_pi_high = 0x1.921fb544p+0, half_pi_low = 0x1.0b4611a626331p-34;  // a quarter times the first is exact
  const double n = quarter, r = (x - n * half_pi_high) - n * half_pi_low, z = r * r;
  const double sine = r + r * z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 +
                          z * (-1.0 / 1307674368000 + z * (1.0 / 355687428096000))))))));
  const double cosine = 1 - (0.5 * z - z * z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800 + z * (1.0 / 479001600 +
                            z * (-1.0 / 87178291200 + z * (1.0 / 20922789888000))))))));
  const double first = quarter & 1 ? cosine : sine, second = quarter & 1 ? sine : cosine;
  return {quarter & 2 ? -first : first, (quarter + 1) & 2 ? -second : second};
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
