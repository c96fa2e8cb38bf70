// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/least_squares.hpp"

#include "loss/terms.hpp"

using namespace nash;

TEST_CASE("LeastSquares pulls fakes to a, real samples to b, and the generator's fakes to c") {
  const LeastSquares loss{.a = -1, .b = 1.5, .c = 0.25};
  check_term([&](double l) { return loss.real(l); }, [](long double l) { return (l - 1.5L) * (l - 1.5L) / 2; });
  check_term([&](double l) { return loss.fake(l); }, [](long double l) { return (l + 1) * (l + 1) / 2; });
  check_term([&](double l) { return loss.generator(l); }, [](long double l) { return (l - 0.25L) * (l - 0.25L) / 2; });
}

TEST_CASE("LeastSquares by default has the labels 0 and 1, and is safe at ±1000") {
  const LeastSquares loss;
  check_value(loss.real(1), 0, 0);
  check_value(loss.fake(0), 0, 0);
  check_value(loss.generator(1), 0, 0);
  check_value(loss.real(-1000), 0.5 * 1001 * 1001, -1001);
  check_value(loss.fake(1000), 500000, 1000);
  check_value(loss.generator(1000), 0.5 * 999 * 999, 999);
}
