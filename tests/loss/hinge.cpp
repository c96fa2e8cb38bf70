// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/hinge.hpp"

#include "loss/terms.hpp"

using namespace nash;

TEST_CASE("Hinge: max(0, 1 − l) on real samples, max(0, 1 + l) on fakes, −l for the generator") {
  const Hinge loss;
  check_term([&](double l) { return loss.real(l); }, [](long double l) { return l < 1 ? 1 - l : 0; });
  check_term([&](double l) { return loss.fake(l); }, [](long double l) { return l > -1 ? 1 + l : 0; });
  check_term([&](double l) { return loss.generator(l); }, [](long double l) { return -l; });
}

TEST_CASE("Hinge beyond the margin and at ±1000") {
  const Hinge loss;
  check_value(loss.real(1), 0, 0);
  check_value(loss.real(1000), 0, 0);
  check_value(loss.real(-1000), 1001, -1);
  check_value(loss.fake(-1), 0, 0);
  check_value(loss.fake(-1000), 0, 0);
  check_value(loss.fake(1000), 1001, 1);
}
