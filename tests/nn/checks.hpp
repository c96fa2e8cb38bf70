// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "nash/testing/duality_check.hpp"
#include "nash/testing/grad_check.hpp"
#include "nash/testing/second_order_check.hpp"

/// First and second order of a layer in double, in training and in inference.
template <class L>
void check_derivatives(const L& layer, const nash::Shape& input_shape, nash::testing::CheckOptions options = {}) {
  for (const nash::Mode mode : {nash::Mode::train, nash::Mode::infer}) {
    options.mode = mode;
    CAPTURE(input_shape.text());
    CAPTURE(mode == nash::Mode::train ? "train" : "infer");
    const auto first = nash::testing::grad_check(layer, input_shape, options);
    CHECK_MESSAGE(first.ok, first.text);
    const auto tangents = nash::testing::duality_check(layer, input_shape, options);
    CHECK_MESSAGE(tangents.ok, tangents.text);
    const auto second = nash::testing::second_order_check(layer, input_shape, options);
    CHECK_MESSAGE(second.ok, second.text);
    if (std::getenv("NASH_TEST_FIGURES")) MESSAGE("first: ", first.text, "\ntangents: ", tangents.text, "\nsecond: ", second.text);
  }
}
