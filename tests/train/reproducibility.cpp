// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "train/players.hpp"

using namespace nash;

namespace {

/// Everything that a run of some steps leaves: both networks, the average, and the reports.
struct Outcome {
  std::vector<float> generator, discriminator, average;
  std::vector<double> reports;

  bool operator==(const Outcome& other) const {
    return same_bits(generator, other.generator) && same_bits(discriminator, other.discriminator) && same_bits(average, other.average) &&
           same_bits(reports, other.reports);
  }
};

template <class Trainer>
Outcome outcome_of(Trainer& trainer, int steps, index_t samples) {
  Outcome outcome;
  for (int step = 0; step < steps; ++step) {
    const StepReport report = trainer.step(random_images({samples, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm})
      outcome.reports.push_back(*value);
  }
  outcome.generator = state_values(trainer.generator());
  outcome.discriminator = state_values(trainer.discriminator());
  outcome.average = state_values(trainer.sampling_generator());
  return outcome;
}

/// Wide enough that every kernel uses several threads.
Outcome train(std::uint64_t seed, int threads) {
  GanTrainer trainer{small_generator(32), small_discriminator(24), NonSaturating{}, {.seed = seed, .average_decay = 0.9, .threads = threads}};
  return outcome_of(trainer, 3, 50);
}

}  // namespace

TEST_CASE("the same seed gives the same bits, for one, two and three threads; another seed gives others") {
  const Outcome first = train(1, 1);
  CHECK(train(1, 1) == first);
  CHECK(train(1, 2) == first);
  CHECK(train(1, 3) == first);
  const Outcome other = train(2, 1);
  CHECK_FALSE(other.generator == first.generator);
  CHECK_FALSE(other.discriminator == first.discriminator);
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

TEST_CASE("two trainers in two threads do not disturb each other") {
  const Outcome alone[] = {train(1, 2), train(2, 2)};
  Outcome together[2];
  std::thread first([&] { together[0] = train(1, 2); }), second([&] { together[1] = train(2, 2); });
  first.join();
  second.join();
  CHECK(together[0] == alone[0]);
  CHECK(together[1] == alone[1]);
}

TEST_CASE("a trainer that was moved goes on where it was") {
  GanTrainer whole{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9}};
  GanTrainer begun{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9}};
  (void)outcome_of(whole, 2, 4), (void)outcome_of(begun, 2, 4);
  GanTrainer moved = std::move(begun);
  CHECK(outcome_of(moved, 2, 4) == outcome_of(whole, 2, 4));
}
