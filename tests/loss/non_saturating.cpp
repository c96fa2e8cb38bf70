// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/non_saturating.hpp"

#include "loss/terms.hpp"

using namespace nash;

TEST_CASE("NonSaturating: the generator minimises −log D(G(z)), the discriminator plays Minimax") {
  const NonSaturating loss;
  check_term([&](double l) { return loss.real(l); }, [](long double l) { return std::log1p(std::exp(-l)); });
  check_term([&](double l) { return loss.fake(l); }, [](long double l) { return std::log1p(std::exp(l)); });
  check_term([&](double l) { return loss.generator(l); }, [](long double l) { return std::log1p(std::exp(-l)); });
}

TEST_CASE("NonSaturating at ±1000 is its limit, and sure fakes give the whole gradient") {
  const NonSaturating loss;
  check_value(loss.real(-1000), 1000, -1);
  check_value(loss.fake(-1000), 0, 0);
  check_value(loss.generator(1000), 0, 0);
  check_value(loss.generator(-1000), 1000, -1);
}
