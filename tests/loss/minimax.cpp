// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/minimax.hpp"

#include "loss/terms.hpp"

using namespace nash;

TEST_CASE("Minimax is the paper's game: −log D(x) and −log(1 − D(G(z))) against log(1 − D(G(z)))") {
  const Minimax loss;
  // D = 1 / (1 + e⁻ˡ), so 1 − D = 1 / (1 + eˡ).
  check_term([&](double l) { return loss.real(l); }, [](long double l) { return std::log1p(std::exp(-l)); });
  check_term([&](double l) { return loss.fake(l); }, [](long double l) { return std::log1p(std::exp(l)); });
  check_term([&](double l) { return loss.generator(l); }, [](long double l) { return -std::log1p(std::exp(l)); });
}

TEST_CASE("Minimax at ±1000 is its limit") {
  const Minimax loss;
  check_value(loss.real(1000), 0, 0);
  check_value(loss.real(-1000), 1000, -1);
  check_value(loss.fake(1000), 1000, 1);
  check_value(loss.fake(-1000), 0, 0);
  check_value(loss.generator(1000), -1000, -1);
  check_value(loss.generator(-1000), 0, 0);  // saturated: sure fakes give no gradient
}
