// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/leaky_relu.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("LeakyReLU has the derivatives that it says") {
  check_derivatives(LeakyReLU<double>{0.2}, {3, 7});
  check_derivatives(LeakyReLU<double>{0}, {3, 7});
  check_derivatives(LeakyReLU<double, Reference>{0.01}, {3, 7});
}

TEST_CASE("LeakyReLU scales negative values, and a NaN stays one") {
  const auto y = output_of(LeakyReLU{0.25}, tensor<float>({1, 4}, {-4, 0, 2, std::nanf("")})).to_host();
  CHECK(std::vector(y.begin(), y.end() - 1) == std::vector<float>{-1, 0, 2});
  CHECK(std::isnan(y.back()));
}

TEST_CASE("LeakyReLU takes slopes from 0 up to, not including, 1") {
  static_assert(!std::is_constructible_v<LeakyReLU<float>, bool>);
  static_assert(std::is_same_v<decltype(LeakyReLU{0.2}), LeakyReLU<float, Cpu>>);
  CHECK(message_of<ShapeError>([] { LeakyReLU{1.0}; }) == "LeakyReLU: expected a slope from 0 to below 1, got 1.\nUse 0.2.");
  CHECK(message_of<ShapeError>([] { LeakyReLU{1}; }) != "");
  CHECK(message_of<ShapeError>([] { LeakyReLU{-0.1}; }).find("got -0.1") != std::string::npos);
  CHECK(message_of<ShapeError>([] { LeakyReLU{std::nan("")}; }).find("got nan") != std::string::npos);
}
