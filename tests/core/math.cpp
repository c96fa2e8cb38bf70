// SPDX-License-Identifier: Apache-2.0
#include "nash/core/math.hpp"

#include "nash/core/dual.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "nash/core/random.hpp"

using namespace nash;

TEST_CASE_TEMPLATE("square roots are within one ulp, from the smallest normal number to the largest", T, float, double) {
  const double low = std::log2(static_cast<double>(std::numeric_limits<T>::min())), high = std::numeric_limits<T>::max_exponent;
  const RandomStream random(1);
  double worst = 0;
  for (index_t i = 0; i < 200000; ++i) {
    const double exponent = low + (high - low) * random.uniform(i);
    const T x = static_cast<T>(std::exp2(std::min(exponent, high - 1e-3)));
    const T exact = std::sqrt(x), ulp = std::nextafter(exact, std::numeric_limits<T>::max()) - exact;
    worst = std::max(worst, static_cast<double>(std::abs(square_root(x) - exact) / ulp));
  }
  CHECK(worst <= 1);
  for (const T x : {std::numeric_limits<T>::min(), T{1}, T{4}, std::numeric_limits<T>::max()})
    CHECK(std::abs(square_root(x) - std::sqrt(x)) <= std::sqrt(x) * std::numeric_limits<T>::epsilon());
}

TEST_CASE_TEMPLATE("the roots of nothing, of subnormal numbers, of infinity and of what is no number", T, float, double) {
  CHECK(square_root(T{0}) == T{0});
  const T tiny = std::numeric_limits<T>::denorm_min();
  CHECK(square_root(tiny) >= T{0});
  CHECK(square_root(tiny) <= 2 * std::sqrt(tiny));
  CHECK(square_root(std::numeric_limits<T>::infinity()) == std::numeric_limits<T>::infinity());
  CHECK(std::isnan(square_root(std::numeric_limits<T>::quiet_NaN())));
}

TEST_CASE("other scalars take the library's root") { CHECK(square_root(2.0L) == std::sqrt(2.0L)); }

TEST_CASE("natural logarithms are within one ulp, from the smallest normal number to the largest, and about 1") {
  const auto ulps_off = [](double x) {
    const double exact = static_cast<double>(std::log(static_cast<long double>(x)));
    return std::abs(natural_log(x) - exact) / (std::nextafter(std::abs(exact), 1e300) - std::abs(exact));
  };
  const RandomStream random(1);
  double worst = 0;
  for (index_t i = 0; i < 300000; ++i) {
    worst = std::max({worst, ulps_off(random.uniform(i)), ulps_off(std::exp2(-1022 + 2045 * random.uniform(i))),
                      ulps_off(1 + 1e-6 * (random.uniform(i) - 0.5))});
  }
  MESSAGE("at most ", worst, " ulp off");
  CHECK(worst <= 1);
  CHECK(natural_log(1) == 0);
  for (const double x : {0x0.5p-32, 1 - 0x0.5p-32, 0x1.6a09e667f3bcdp-1, std::numeric_limits<double>::min(), std::numeric_limits<double>::max()}) CHECK(ulps_off(x) <= 1);
}

TEST_CASE("sines and cosines are within two ulp of 1, over the whole circle") {
  const auto off = [](double x) {
    const SineAndCosine of = sine_and_cosine(x);
    const auto exact = static_cast<long double>(x);
    return static_cast<double>(std::max(std::abs(of.sine - std::sin(exact)), std::abs(of.cosine - std::cos(exact)))) / std::numeric_limits<double>::epsilon();
  };
  constexpr double circle = 2 * std::numbers::pi;
  double worst = 0;
  for (index_t i = 0; i < 300000; ++i) worst = std::max(worst, off(circle * RandomStream(3).uniform(i)));
  for (int eighth = 0; eighth <= 16; ++eighth)
    for (const double beside : {-1e-9, 0.0, 1e-9}) worst = std::max(worst, off(std::clamp(circle * eighth / 16 + beside, 0.0, circle)));
  MESSAGE("at most ", worst, " of 2^-52 off");
  CHECK(worst <= 1);
}

TEST_CASE("the hyperbolic tangent of floats is within three ulp, odd, and bounded by one") {
  double worst = 0;
  for (index_t i = 0; i < 400000; ++i) {
    const double exponent = -30 + 35 * RandomStream(2).uniform(i);  // of magnitudes from 1e-9 to 32
    const float x = static_cast<float>(std::exp2(exponent)), y = hyperbolic_tangent(x);
    const double exact = std::tanh(static_cast<double>(x));
    const auto nearest = static_cast<float>(exact);
    const double ulp = std::nextafter(nearest, 2.0f) - nearest;
    worst = std::max(worst, std::abs(y - exact) / ulp);
    REQUIRE(hyperbolic_tangent(-x) == -y);
    REQUIRE(std::abs(y) <= 1.0f);
  }
  MESSAGE("at most ", worst, " ulp off");
  CHECK(worst <= 3);
}

TEST_CASE("the hyperbolic tangent of what is no number, not finite or zero") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(hyperbolic_tangent(infinity) == 1.0f);
  CHECK(hyperbolic_tangent(-infinity) == -1.0f);
  CHECK(std::isnan(hyperbolic_tangent(std::numeric_limits<float>::quiet_NaN())));
  CHECK(hyperbolic_tangent(0.0f) == 0.0f);
  CHECK(std::signbit(hyperbolic_tangent(-0.0f)));
  CHECK(hyperbolic_tangent(1000.0f) == 1.0f);
  CHECK(hyperbolic_tangent(0.5) == std::tanh(0.5));
}

TEST_CASE("a formula in dual numbers gives its own derivative") {
  const auto formula = [](const auto& x) { return (x * x - 3.0 * x + 7) * inverse_root(x * x + 0.5) + 2; };
  for (const double x : {-2.0, 0.3, 5.0}) {
    const Dual found = formula(Dual(x, 2));
    CHECK(found.value == formula(x));
    CHECK(found.derivative == doctest::Approx(2 * (formula(x + 1e-5) - formula(x - 1e-5)) / 2e-5).epsilon(1e-8));
  }
  Dual total = 3;
  total += Dual(1, 4);
  CHECK((total.value == 4 && total.derivative == 4));
}
