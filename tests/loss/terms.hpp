// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "nash/loss/loss.hpp"

/// A term at many logits: its value by the formula, its slope by a central difference of that value.
inline void check_term(const std::function<nash::LossValue(double)>& term, const std::function<long double(long double)>& formula) {
  for (double l = -20; l <= 20; l += 0.31) {
    CAPTURE(l);
    const double h = 1e-5, difference = (term(l + h).value - term(l - h).value) / (2 * h);
    CHECK(term(l).value == doctest::Approx(static_cast<double>(formula(l))).epsilon(1e-14));
    CHECK(std::abs(term(l).slope - difference) < 1e-9 * std::max(1.0, std::abs(term(l).value)));
  }
}

inline void check_value(const nash::LossValue& got, double value, double slope) {
  CHECK(got.value == value);
  CHECK(got.slope == slope);
}
