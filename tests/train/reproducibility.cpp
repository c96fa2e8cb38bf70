// SPDX-License-Identifier: Apache-2.0
#include "train/outcome.hpp"

using namespace nash;

TEST_CASE("the same seed gives the same bits, for one, two and three threads; another seed gives others") {
  const Outcome first = train(1, 1);
  CHECK(train(1, 1) == first);
  CHECK(train(1, 2) == first);
  CHECK(train(1, 3) == first);
  const Outcome other = train(2, 1);
  CHECK_FALSE(other.generator == first.generator);
  CHECK_FALSE(other.discriminator == first.discriminator);
}

TEST_CASE("the same with fakes that are reused") {
  const Outcome first = train(1, 1, {.reuse_fakes = true});
  CHECK(train(1, 1, {.reuse_fakes = true}) == first);
  CHECK(train(1, 2, {.reuse_fakes = true}) == first);
  CHECK_FALSE(train(1, 1) == first);
}

TEST_CASE("the seed is that of networks, latents and dropout") {
  // Networks that are ready, so that only latents and dropout are left to the seed.
  const auto reports_with = [](std::uint64_t seed, auto d) {
    auto g = small_generator();
    g.initialise(1);
    d.initialise(2);
    GanTrainer trainer{std::move(g), std::move(d), NonSaturating{}, {.seed = seed, .discriminator = {.learning_rate = 0}}};
    return outcome_of(trainer, 1, 4).reports;
  };
  CHECK(reports_with(1, small_discriminator())[2] != reports_with(2, small_discriminator())[2]);              // D(x), by dropout
  CHECK(reports_with(1, plain_discriminator<float>())[2] == reports_with(2, plain_discriminator<float>())[2]);
  CHECK(reports_with(1, plain_discriminator<float>())[3] != reports_with(2, plain_discriminator<float>())[3]);  // D(G(z)), by latents
  CHECK(reports_with(1, small_discriminator()) == reports_with(1, small_discriminator()));
}

TEST_CASE("a trainer that was moved goes on where it was") {
  GanTrainer whole{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9}};
  GanTrainer begun{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9}};
  (void)outcome_of(whole, 2, 4), (void)outcome_of(begun, 2, 4);
  GanTrainer moved = std::move(begun);
  CHECK(outcome_of(moved, 2, 4) == outcome_of(whole, 2, 4));
}
