// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "nash/train/discriminator_phase.hpp"
#include "nash/train/generator_phase.hpp"

namespace nash {

/// Runs the phases of a step.
///
/// On a GPU the host may let a whole step run before it looks at a loss: then nothing lies between its operations, which are one graph.
/// Updates are conditional on all that was read until then. Where a number was not finite, the host finds out at the end, when nothing
/// was changed from that update on, and takes it from there as in any other step. So the result is that of a step that looks at each.
///
/// With methods, whose values the host needs at once, it is not done, nor where a function of the user's takes part.
template <class Game>
class StepPhases {
  using Images = typename Game::Images;

 public:
  /// Where a step stands: the update that is next.
  struct Place {
    std::size_t phase = 0;
    index_t repetition = 0;
    index_t discriminator_updates = 0, generator_updates = 0;  // in this step so far: each draws latents of its own
  };

  /// Decides, before a step, whether the host looks at its end.
  void begin(Game& game) {
    if constexpr (Game::can_read_later) game.reads_later = may_read_later(game);
  }

  NASH_COLD void run(Game& game, const Images& real, Place& at, StepReport& report) {
    if constexpr (Game::can_read_later) {
      if (game.reads_later) return run_and_read(game, real, at, report);
    }
    run_rest(game, real, at, report);
  }

 private:
  /// An update whose losses and norm were not looked at yet.
  struct Unread {
    Place at;
    Player player;
    double factor = 1;  // on its learning rate
  };
  static constexpr std::size_t readings_of(Player player) { return player == Player::discriminator ? 5 : 2; }

  NASH_COLD void run_rest(Game& game, const Images& real, Place& at, StepReport& report) {
    const std::vector<Phase>& phases = game.options.phases;
    for (; at.phase < phases.size(); ++at.phase, at.repetition = 0) {
      const Phase& phase = phases[at.phase];
      if (!phase.runs_in(game.steps) || !game.methods.run_phase(phase, game.last_report)) continue;
      for (; at.repetition < phase.repeat && !report.non_finite; ++at.repetition) {
        [[maybe_unused]] index_t unconditional = 0;
        if constexpr (Game::can_read_later) {
          unconditional = game.context.unconditional();
          if (game.reads_later) unread_.push_back({at, phase.player});
        }
        if (phase.player == Player::discriminator) {
          const bool reused = at.repetition + 1 == phase.repeat && fakes_are_reused_after(game, at.phase);
          DiscriminatorPhase(game).run(real, at.discriminator_updates, reused ? &game.generator_tape : nullptr, report);
          ++at.discriminator_updates;
        } else {
          GeneratorPhase(game).run(real, at.generator_updates, at.discriminator_updates, report);
          ++at.generator_updates;
        }
        if constexpr (Game::can_read_later) {
          if (game.reads_later) unread_.back().factor = game.of(phase.player).last_factor;
          if (!report.non_finite) conditional_[static_cast<std::size_t>(phase.player)] = game.context.unconditional() == unconditional;
        }
      }
    }
  }

  /// Whether the generator's update that follows a phase of this step trains on that phase's fakes.
  static bool fakes_are_reused_after(const Game& game, std::size_t phase) {
    if (!game.options.reuse_fakes || phase + 1 == game.options.phases.size()) return false;
    const Phase& next = game.options.phases[phase + 1];
    return next.player == Player::generator && next.runs_in(game.steps);
  }

  /// Whether each player that has a turn has had one before, and everything that an update of it changes can be conditional. Where
  /// the discriminator has a turn after a generator that trains on its earlier fakes, these are gone when the host finds out.
  NASH_COLD bool may_read_later(Game& game) const {
    if (!game.options.record_steps || game.latent_source || game.reduction) return false;
    std::size_t readings = 0;
    bool generator_had_turn = false;
    for (const Phase& phase : game.options.phases) {
      if (!phase.runs_in(game.steps)) continue;
      if (phase.player == Player::generator) generator_had_turn = true;
      if (phase.player == Player::discriminator && generator_had_turn && game.options.reuse_fakes) return false;
      if (!conditional_[static_cast<std::size_t>(phase.player)]) return false;
      readings += readings_of(phase.player) * static_cast<std::size_t>(phase.repeat);
    }
    game.context.expect_readings(static_cast<index_t>(readings));
    return readings > 0;
  }

  NASH_COLD void run_and_read(Game& game, const Images& real, Place& at, StepReport& report) {
    unread_.clear();
    StepReport unknown;
    run_rest(game, real, at, unknown);
    std::span<const double> values = game.context.readings();
    game.reads_later = false;
    check_readings(values.size());
    for (std::size_t i = 0; i < unread_.size(); ++i) {
      const Player player = unread_[i].player;
      const std::span<const double> own = values.first(readings_of(player));
      values = values.subspan(own.size());
      if (!std::all_of(own.begin(), own.end(), [](double value) { return std::isfinite(value); })) {
        for (std::size_t undone = i; undone < unread_.size(); ++undone) game.of(unread_[undone].player).forget_step(unread_[undone].factor);
        at = unread_[i].at;
        return run_rest(game, real, at, report);
      }
      const index_t rows = real.shape()[0];
      if (player == Player::discriminator) {
        report.d_loss = mean_loss_of(own[0], rows) + mean_loss_of(own[2], rows);
        report.d_real = mean_probability_of(own[1], rows), report.d_fake = mean_probability_of(own[3], rows);
        report.d_gradient_norm = std::sqrt(own[4]);
      } else {
        report.g_loss = mean_loss_of(own[0], rows);
        report.g_gradient_norm = std::sqrt(own[1]);
      }
    }
  }

  /// The phases leave as many numbers as readings_of says.
  NASH_COLD void check_readings(std::size_t found) const {
    std::size_t expected = 0;
    for (const Unread& update : unread_) expected += readings_of(update.player);
    if (found != expected)
      throw Error("GanTrainer", concat({"a step left ", found, " losses and norms to read, not ", expected}), "report this as a mistake in nash");
  }

  std::array<bool, 2> conditional_{};  // whether all that a player's updates change can be; not before its first
  std::vector<Unread> unread_;
};

}  // namespace nash
