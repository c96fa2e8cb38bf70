// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/state_name.hpp"

#include <doctest/doctest.h>

using namespace nash;

TEST_CASE("a state's name is its parts with dots between them") {
  const StateName weight("weight"), third(3, weight), body("body", third), outer(12, body);
  CHECK(weight.text() == "weight");
  CHECK(third.text() == "3.weight");
  CHECK(outer.text() == "12.body.3.weight");
  const std::string text = outer;
  CHECK(text == outer.text());
}
