// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "train/players.hpp"

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
Outcome outcome_of(Trainer& trainer, int steps, nash::index_t samples) {
  Outcome outcome;
  for (int step = 0; step < steps; ++step) {
    const nash::StepReport report = trainer.step(random_images({samples, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm})
      outcome.reports.push_back(*value);
  }
  outcome.generator = state_values(trainer.generator());
  outcome.discriminator = state_values(trainer.discriminator());
  outcome.average = state_values(trainer.sampling_generator());
  return outcome;
}

/// Three steps of players whose kernels use several threads; wide_players are those of wide convolutions.
inline Outcome train(std::uint64_t seed, int threads, nash::TrainerOptions options = {}) {
  options.seed = seed;
  options.threads = threads;
  options.average_decay = 0.9;
  nash::GanTrainer trainer{small_generator(32), small_discriminator(24), nash::NonSaturating{}, options};
  return outcome_of(trainer, 3, 50);
}
