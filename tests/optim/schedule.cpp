// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/schedule.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace nash;

TEST_CASE("ConstantRate is 1") {
  const Schedule schedule = ConstantRate{};
  CHECK(schedule(0) == 1);
  CHECK(schedule(1'000'000) == 1);
}

TEST_CASE("LinearDecay: 1, a straight line, and its end") {
  const Schedule schedule = LinearDecay{.begin = 10, .end = 30, .final_factor = 0.2};
  for (const index_t step : {0, 9, 10}) CHECK(schedule(step) == 1);
  CHECK(schedule(15) == doctest::Approx(0.8).epsilon(1e-15));
  CHECK(schedule(20) == doctest::Approx(0.6).epsilon(1e-15));
  for (const index_t step : {30, 31, 1'000'000}) CHECK(schedule(step) == doctest::Approx(0.2).epsilon(1e-15));
  CHECK(LinearDecay{.begin = 0, .end = 4}(3) == 0.25);
  CHECK(LinearDecay{.begin = 0, .end = 4, .final_factor = 3}(2) == 2);  // a warm-up
  CHECK(message_of<ShapeError>([] { LinearDecay{.begin = 5, .end = 5}(0); }) ==
        "LinearDecay: expected an end after the begin at step 5, got 5.\nChoose a later end.");
}

TEST_CASE("CosineDecay: 1, half a cosine, and its end") {
  const CosineDecay decay{.begin = 100, .end = 300, .final_factor = 0.2};
  CHECK(decay(0) == 1);
  CHECK(decay(100) == 1);
  CHECK(decay(150) == doctest::Approx(0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2).epsilon(1e-14));
  CHECK(decay(200) == doctest::Approx(0.6).epsilon(1e-14));
  CHECK(decay(300) == doctest::Approx(0.2).epsilon(1e-14));
  CHECK(decay(10000) == doctest::Approx(0.2).epsilon(1e-14));
  CHECK(message_of<ShapeError>([] { CosineDecay{.begin = 5, .end = 5}.check(); }) ==
        "CosineDecay: expected an end after the begin at step 5, got 5.\nChoose a later end.");
  CHECK(message_of<ShapeError>([] { CosineDecay{.final_factor = -1}.check(); }).starts_with("CosineDecay: expected a finite final factor"));
}

TEST_CASE("ExponentialDecay: smooth and in stairs") {
  const ExponentialDecay smooth{.factor = 0.5, .every = 10}, stairs{.factor = 0.5, .every = 10, .staircase = true};
  for (int step = 0; step < 40; ++step) {
    CHECK(smooth(step) == doctest::Approx(std::pow(0.5, step / 10.0)).epsilon(1e-15));
    CHECK(stairs(step) == std::ldexp(1, -(step / 10)));
  }
  CHECK(message_of<ShapeError>([] { ExponentialDecay{.factor = 0}(0); }) ==
        "ExponentialDecay: expected a positive, finite factor and an interval of at least 1 step, got 0 and 10000.\nCorrect them.");
  CHECK(message_of<ShapeError>([] { ExponentialDecay{.every = 0}(0); }).find("got 0.96 and 0.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { ExponentialDecay{.factor = std::nan("")}(0); }) != "");
}

TEST_CASE("schedules say what is wrong with them before anybody asks for a step") {
  CHECK(message_of<ShapeError>([] { LinearDecay{.final_factor = -3}.check(); }) ==
        "LinearDecay: expected a finite final factor of at least 0, got -3.\nChoose the share of the learning rate that is to be left.");
  CHECK(message_of<ShapeError>([] { LinearDecay{.final_factor = -3}(0); }) != "");
  CHECK(message_of<ShapeError>([] { LinearDecay{.final_factor = std::nan("")}.check(); }) != "");
  CHECK(message_of<ShapeError>([] { LinearDecay{.final_factor = HUGE_VAL}.check(); }) != "");
  CHECK(message_of<ShapeError>([] { LinearDecay{.begin = 5, .end = 5}.check(); }).starts_with("LinearDecay: expected an end after the begin"));
  CHECK(message_of<ShapeError>([] { ExponentialDecay{.factor = -1}.check(); }).find("got -1 and 10000.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { ExponentialDecay{.factor = HUGE_VAL}.check(); }).find("got inf and 10000.") != std::string::npos);
  LinearDecay{.end = 4, .final_factor = 3}.check();
  ExponentialDecay{}.check();
}
