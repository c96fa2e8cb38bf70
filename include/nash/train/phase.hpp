// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nash/core/error.hpp"

namespace nash {

enum class Player { discriminator, generator };

inline const char* name_of(Player player) { return player == Player::discriminator ? "discriminator" : "generator"; }

/// One entry of a training step: a player's update, made `repeat` times in every `every`-th step.
///
/// A step consumes one real batch, so that five discriminator updates to one of the generator (n_critic = 5) are
/// {{Player::discriminator}, {.player = Player::generator, .every = 5}}, and three generator updates to one of the discriminator
/// {{Player::discriminator}, {.player = Player::generator, .repeat = 3}}.
struct Phase {
  Player player;
  index_t every = 1;   ///< runs in steps every, 2·every, …, counted from 1
  index_t repeat = 1;  ///< each time with fresh latents; the real batch stays the same

  bool runs_in(index_t step) const { return step % every == 0; }
};

/// Throws ShapeError where a phase would never run.
NASH_COLD inline void check_phases(const std::vector<Phase>& phases) {
  if (phases.empty()) throw ShapeError("GanTrainer", "at least one phase", "none", "use {{Player::discriminator}, {Player::generator}}");
  for (const Phase& phase : phases)
    if (phase.every < 1 || phase.repeat < 1)
      throw ShapeError("GanTrainer", concat({"a ", name_of(phase.player), " phase with every and repeat of at least 1"}),
                       concat({phase.every, " and ", phase.repeat}), "leave a phase out of the list to have none of it");
}

/// Throws ShapeError where a generator's phase has no fakes to reuse: those of the discriminator's update just before it, made
/// by the generator as it still is. See TrainerOptions::reuse_fakes.
NASH_COLD inline void check_reuse(const std::vector<Phase>& phases) {
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const Phase& phase = phases[i];
    if (phase.player == Player::discriminator) continue;
    std::string got;
    if (i == 0)
      got = "a generator phase before any other";
    else if (phases[i - 1].player == Player::generator)
      got = "two generator phases in a row";
    else if (phase.repeat > 1)
      got = concat({"a generator phase with repeat = ", phase.repeat});
    else if (phase.every % phases[i - 1].every != 0)
      got = concat({"one with every = ", phase.every, " after a discriminator phase with every = ", phases[i - 1].every});
    else
      continue;
    throw ShapeError("GanTrainer", "with reuse_fakes each generator phase once, right after a discriminator phase that runs whenever it does",
                     got, "change the phases, or leave reuse_fakes out: then the generator draws its own latents");
  }
}

}  // namespace nash
