// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "nash/core/error.hpp"
#include "nash/core/math.hpp"
#include "nash/core/platform.hpp"

namespace nash {

/// Some rounds of Philox4x32. They are no loop: with -O2 it would keep a loop over counters from becoming vectors.
template <int rounds>
NASH_ALWAYS_INLINE NASH_HOST_DEVICE constexpr std::array<std::uint32_t, 4> philox4x32_rounds(const std::array<std::uint32_t, 4>& counter,
                                                                                             const std::array<std::uint32_t, 2>& key) {
  if constexpr (rounds == 0) {
    return counter;
  } else {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    return philox4x32_rounds<rounds - 1>({static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
                                          static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)},
                                         {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85});
  }
}

/// Philox4x32-10: 128 bits of counter and 64 bits of key give 128 random bits, the same on every device and thread.
///
/// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
NASH_HOST_DEVICE constexpr std::array<std::uint32_t, 4> philox4x32(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 2>& key) {
  return philox4x32_rounds<10>(counter, key);
}

/// An endless sequence of random numbers, addressed by position: (seed, stream, position) → number.
///
/// A value: copying it repeats the sequence. Nothing in nash draws from a hidden generator.
class RandomStream {
 public:
  constexpr RandomStream() = default;
  constexpr explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// An independent stream for a purpose, a layer or a step: child(i) of equal streams are equal.
  NASH_HOST_DEVICE constexpr RandomStream child(std::uint64_t id) const {
    const auto mixed = philox4x32({low(id), high(id), low(stream_), high(stream_)}, {0x6E617368, 0x6368696C});
    return RandomStream(seed_, mixed[0] | std::uint64_t{mixed[1]} << 32);
  }

  /// The 32 random bits at a position.
  NASH_HOST_DEVICE constexpr std::uint32_t bits(index_t position) const {
    return philox4x32(counter(position / 4), key())[static_cast<std::size_t>(position % 4)];
  }

  /// The bits at the positions 4k to 4k + 3, for the price of one; within a loop over k, by vectors.
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE constexpr std::array<std::uint32_t, 4> block(index_t k) const {
    return philox4x32_rounds<10>(counter(k), key());
  }

  /// Uniform in (0, 1): never 0 and never 1, with a resolution of 2⁻³².
  NASH_HOST_DEVICE constexpr double uniform(index_t position) const { return to_unit(bits(position)); }

  /// The uniforms at the positions 4k to 4k + 3, for the price of one.
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE constexpr std::array<double, 4> uniforms(index_t k) const {
    const auto words = block(k);
    return {to_unit(words[0]), to_unit(words[1]), to_unit(words[2]), to_unit(words[3])};
  }

  /// Standard normal, by Box and Muller: positions 2k and 2k+1 are the two halves of one pair.
  NASH_HOST_DEVICE double normal(index_t position) const {
    const auto words = philox4x32(counter(position / 4), key());
    const std::size_t pair = position % 4 < 2 ? 0 : 2;
    const Pair normals(words[pair], words[pair + 1]);
    return position % 2 == 0 ? normals.first : normals.second;
  }

  /// The normals at the positions 4k to 4k + 3, for the price of two.
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE std::array<double, 4> normals(index_t k) const {
    const auto words = block(k);
    const Pair a(words[0], words[1]), b(words[2], words[3]);
    return {a.first, a.second, b.first, b.second};
  }

  constexpr bool operator==(const RandomStream&) const = default;

 private:
  NASH_HOST_DEVICE static constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
  NASH_HOST_DEVICE static constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE constexpr std::array<std::uint32_t, 4> counter(index_t k) const {
    const auto position = static_cast<std::uint64_t>(k);
    return {low(position), high(position), low(stream_), high(stream_)};
  }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE constexpr std::array<std::uint32_t, 2> key() const { return {low(seed_), high(seed_)}; }
  NASH_HOST_DEVICE static constexpr double to_unit(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }

  /// Two normals of two words, by arithmetic alone, so that loops of it become vectors.
  struct Pair {
    double first, second;
    NASH_ALWAYS_INLINE NASH_HOST_DEVICE Pair(std::uint32_t a, std::uint32_t b) {
      const double radius = square_root(-2.0 * natural_log(to_unit(a)));
      const SineAndCosine of = sine_and_cosine(2.0 * std::numbers::pi * to_unit(b));
      first = radius * of.cosine, second = radius * of.sine;
    }
  };

  std::uint64_t seed_ = 0;
  std::uint64_t stream_ = 0;
};

/// The inverse of the standard normal distribution function, for p in (0, 1), with a relative error of about 1e-16.
///
/// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16.
NASH_HOST_DEVICE inline double normal_quantile(double p) {
  const auto ratio = [](double r, const double (&a)[8], const double (&b)[8]) {
    double numerator = a[7], denominator = b[7];
    for (int i = 6; i >= 0; --i) {
      numerator = numerator * r + a[i];
      denominator = denominator * r + b[i];
    }
    return numerator / denominator;
  };
  constexpr double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e2,  1.9715909503065514427e3,  1.3731693765509461125e4,
                           4.5921953931549871457e4,  6.7265770927008700853e4,  3.3430575583588128105e4,  2.5090809287301226727e3};
  constexpr double b[8] = {1.0,                      4.2313330701600911252e1,  6.8718700749205790830e2,  5.3941960214247511077e3,
                           2.1213794301586595867e4,  3.9307895800092710610e4,  2.8729085735721942674e4,  5.2264952788528545610e3};
  constexpr double c[8] = {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
                           1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double d[8] = {1.0,                      2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                           1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9};
  constexpr double e[8] = {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
                           2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double f[8] = {1.0,                      5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                           7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) return q * ratio(0.180625 - q * q, a, b);
  const double r = std::sqrt(-std::log(q < 0 ? p : 1.0 - p));
  const double tail = r <= 5.0 ? ratio(r - 1.6, c, d) : ratio(r - 5.0, e, f);
  return q < 0 ? -tail : tail;
}

}  // namespace nash
