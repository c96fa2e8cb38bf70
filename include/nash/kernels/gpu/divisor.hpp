// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"

namespace nash {

/// Division by a number that is the same for many: n / d and n mod d for 0 ≤ n < 2³¹ by a multiplication, where a GPU divides
/// integers in a loop of its own. 1 ≤ d < 2³¹.
///
/// Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994, figure 4.1: with l = ⌈log₂ d⌉ and
/// m = ⌊2³²·(2ˡ − d)/d⌋ + 1, n / d = (⌊m·n / 2³²⌋ + n) / 2ˡ; the sum does not overflow for such n.
class Divisor {
 public:
  explicit Divisor(index_t divisor) : divisor_(static_cast<std::uint32_t>(divisor)) {
    shift_ = static_cast<std::uint32_t>(std::bit_width(divisor_ - 1));
    multiplier_ = static_cast<std::uint32_t>((std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift_) - divisor_) / divisor_ + 1);
  }

  NASH_HOST_DEVICE std::uint32_t quotient(std::uint32_t n) const {
    return (static_cast<std::uint32_t>(std::uint64_t{multiplier_} * n >> 32) + n) >> shift_;
  }
  /// n mod d; n becomes n / d.
  NASH_HOST_DEVICE std::uint32_t split(std::uint32_t& n) const {
    const std::uint32_t all = n;
    n = quotient(all);
    return all - n * divisor_;
  }

  /// The largest n.
  static constexpr index_t most = (index_t{1} << 31) - 1;

 private:
  std::uint32_t divisor_, multiplier_, shift_;
};

}  // namespace nash
