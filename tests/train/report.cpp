// SPDX-License-Identifier: Apache-2.0
#include "nash/train/report.hpp"

#include <doctest/doctest.h>

using namespace nash;

TEST_CASE("NonFinite says step, player, what and where") {
  const NonFinite found{.step = 12, .player = Player::generator, .what = "loss", .origin = "layer 2 (BatchNorm) of Generator"};
  CHECK(found.text() == "step 12: the generator's loss is not finite; the first place is layer 2 (BatchNorm) of Generator");
  CHECK(std::string(name_of(Player::discriminator)) == "discriminator");
}

TEST_CASE("a report is empty until a phase fills it") {
  const StepReport report;
  CHECK(report.step == 0);
  for (const auto* field : {&report.d_loss, &report.g_loss, &report.d_real, &report.d_fake, &report.d_gradient_norm, &report.g_gradient_norm})
    CHECK_FALSE(field->has_value());
  CHECK_FALSE(report.non_finite);
}
