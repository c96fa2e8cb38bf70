// SPDX-License-Identifier: Apache-2.0
#include "nash/core/error.hpp"

#include <doctest/doctest.h>

using namespace nash;

TEST_CASE("concat writes numbers and texts one after the other") {
  CHECK(concat({"got ", 3, " of ", 4.5, ", ", true, "/", false, " ", std::string("end")}) == "got 3 of 4.5, true/false end");
  CHECK(concat({-7, " ", std::uint64_t{18446744073709551615ull}, " ", std::int64_t{-9223372036854775807}}) ==
        "-7 18446744073709551615 -9223372036854775807");
  CHECK(concat({0.1f, " ", 1e300, " ", 1.0 / 3}) == "0.1 1e+300 0.333333");
  CHECK(concat({std::nan(""), " ", -std::numeric_limits<double>::infinity()}) == "nan -inf");
  CHECK(concat({}) == "");
}

TEST_CASE("an error says where, what was expected, what came and what to do") {
  const Error error("Conv2d", "N×H×W×1 images", "64×28×28×3", "build Conv2d{3, …}");
  CHECK(std::string(error.what()) == "Conv2d: expected N×H×W×1 images, got 64×28×28×3.\nBuild Conv2d{3, …}.");
}

TEST_CASE("an error may be of another kind than a mismatch, and may have no remedy") {
  CHECK(std::string(Error("Trainer", "the loss is not finite", "lower the learning rate").what()) ==
        "Trainer: the loss is not finite.\nLower the learning rate.");
  CHECK(std::string(Error("Trainer", "the loss is not finite", "").what()) == "Trainer: the loss is not finite.");
  CHECK(std::string(Error("A", "b", "Épeler").what()) == "A: b.\nÉpeler.");
}

TEST_CASE("locations are added from the inside out") {
  ShapeError error("Dense", "a", "b", "c");
  error.add_location("layer 0");
  CHECK(std::string(error.what()) == "Dense (layer 0): expected a, got b.\nC.");
  error.add_location("body");
  error.add_location("Discriminator");
  CHECK(std::string(error.what()) == "Dense (layer 0 of body of Discriminator): expected a, got b.\nC.");
}

TEST_CASE("a location added on the way is seen by whoever catches it, as any of its bases") {
  const auto fail = [] {
    try {
      throw ShapeError("Dense", "a", "b", "c");
    } catch (Error& error) {
      error.add_location("layer 2");
      throw;
    }
  };
  CHECK_THROWS_AS(fail(), ShapeError);
  try {
    fail();
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "Dense (layer 2): expected a, got b.\nC.");
  }
}

TEST_CASE("kinds of errors can be told apart") {
  CHECK_THROWS_AS(throw DataError("f", "p", ""), Error);
  static_assert(std::is_base_of_v<Error, DataError> && std::is_base_of_v<Error, DeviceError> && std::is_base_of_v<Error, NumericError>);
  static_assert(!std::is_base_of_v<DataError, ShapeError>);
  static_assert(std::is_nothrow_copy_constructible_v<std::runtime_error>);
}
