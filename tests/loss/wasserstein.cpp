// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/wasserstein.hpp"

#include "loss/terms.hpp"

using namespace nash;

TEST_CASE("Wasserstein is the difference of the means, at ±1000 too") {
  const Wasserstein loss;
  for (const double l : {-1000.0, -0.5, 0.0, 3.0, 1000.0}) {
    check_value(loss.real(l), -l, -1);
    check_value(loss.fake(l), l, 1);
    check_value(loss.generator(l), -l, -1);
  }
}
