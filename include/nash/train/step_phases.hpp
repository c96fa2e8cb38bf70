// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <exception>
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
/// Where a method does not run ahead (see method.hpp) it is not done, nor where a function of the user's takes part.
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
    std::size_t first_value;  // of those that it leaves unread
    index_t steps;            // of its optimiser before it
    double factor = 1;        // on its learning rate
  };
  /// Two losses, two probabilities and a norm, or a loss and a norm, and what methods add.
  static index_t most_readings_of(const Game& game, Player player) { return (player == Player::discriminator ? 5 : 2) + game.methods.most_sums(); }

  NASH_COLD void run_rest(Game& game, const Images& real, Place& at, StepReport& report) {
    const std::vector<Phase>& phases = game.options.phases;
    for (; at.phase < phases.size(); ++at.phase, at.repetition = 0) {
      const Phase& phase = phases[at.phase];
      if (!phase.runs_in(game.steps) || !game.methods.run_phase(phase, game.last_report)) continue;
      for (; at.repetition < phase.repeat && !report.non_finite; ++at.repetition) {
        [[maybe_unused]] index_t unconditional = 0;
        if constexpr (Game::can_read_later) {
          unconditional = game.context.unconditional();
          if (game.reads_later) {
            unread_.push_back({at, phase.player, game.unread_values.size(), game.of(phase.player).optimizer.steps()});
            remember_numbers(game);
          }
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
    if (!game.options.record_steps || game.latent_source || game.reduction || !game.methods.used().run_ahead) return false;
    index_t readings = 0;
    bool generator_had_turn = false;
    for (const Phase& phase : game.options.phases) {
      if (!phase.runs_in(game.steps)) continue;
      if (phase.player == Player::generator) generator_had_turn = true;
      if (phase.player == Player::discriminator && generator_had_turn && game.options.reuse_fakes) return false;
      if (!conditional_[static_cast<std::size_t>(phase.player)]) return false;
      readings += most_readings_of(game, phase.player) * phase.repeat;
    }
    game.context.expect_readings(readings);
    return readings > 0;
  }

  NASH_COLD void run_and_read(Game& game, const Images& real, Place& at, StepReport& report) {
    unread_.clear();
    numbers_.clear();
    game.unread_values.clear();
    StepReport unknown;
    std::exception_ptr thrown;
    try {
      run_rest(game, real, at, unknown);
    } catch (...) {  // by an update that the step may not have come to
      thrown = std::current_exception();
      if (!unread_.empty()) unread_.back().factor = game.of(unread_.back().player).last_factor;
    }
    const std::span<const double> values = game.context.readings();
    game.reads_later = false;
    for (std::size_t i = 0; i < unread_.size(); ++i) {
      if (!read_update(game, i, real.shape()[0], values, report)) {
        for (std::size_t undone = unread_.size(); undone-- > i;) {
          auto& player = game.of(unread_[undone].player);
          if (player.optimizer.steps() > unread_[undone].steps) player.forget_step(unread_[undone].factor);  // it has come so far
        }
        restore_numbers(game, i);
        count_numbers(game, unread_[i].first_value, values);
        at = unread_[i].at;
        return run_rest(game, real, at, report);
      }
    }
    count_numbers(game, game.unread_values.size(), values);
    if (thrown) std::rethrow_exception(thrown);
    const auto read = std::count_if(game.unread_values.begin(), game.unread_values.end(), [](const UnreadValue& of) { return of.reading >= 0; });
    if (static_cast<std::size_t>(read) != values.size())
      throw Error("GanTrainer", concat({"a step left ", values.size(), " numbers to read, not ", read}), "report this as a mistake in nash");
  }

  /// Reports the values of an update; false where one is not finite.
  NASH_COLD bool read_update(const Game& game, std::size_t update, index_t rows, std::span<const double> values, StepReport& report) const {
    using Kind = UnreadValue::Kind;
    const Player player = unread_[update].player;
    const std::size_t end = update + 1 < unread_.size() ? unread_[update + 1].first_value : game.unread_values.size();
    double real_loss = 0, added = 0;
    for (std::size_t i = unread_[update].first_value; i < end; ++i) {
      const UnreadValue& of = game.unread_values[i];
      const double value = of.reading < 0 ? 1 : values[static_cast<std::size_t>(of.reading)];
      if (!std::isfinite(value)) return false;
      switch (of.kind) {
        case Kind::real_loss: real_loss = of.factor * value; break;
        case Kind::real_probability: report.d_real = mean_probability_of(value, rows); break;
        case Kind::fake_loss: report.d_loss = real_loss + of.factor * value; break;
        case Kind::fake_probability: report.d_fake = mean_probability_of(value, rows); break;
        case Kind::generator_loss: report.g_loss = of.factor * value; break;
        case Kind::added_term: added += of.factor * value; break;
        case Kind::counted: break;
        case Kind::gradient_norm: (player == Player::discriminator ? report.d_gradient_norm : report.g_gradient_norm) = std::sqrt(value); break;
      }
    }
    if (game.methods.used().adds_terms(player))
      (player == Player::discriminator ? report.d_added : report.g_added) = added;
    return true;
  }

  /// Adds the sums that methods count (sum_later), up to an update: after numbers were put back.
  NASH_COLD static void count_numbers(const Game& game, std::size_t end, std::span<const double> values) {
    for (std::size_t i = 0; i < end; ++i)
      if (const UnreadValue& of = game.unread_values[i]; of.to != nullptr) *of.to += values[static_cast<std::size_t>(of.reading)];
  }

  template <class State>
  static constexpr bool is_number = std::is_arithmetic_v<State> || std::is_same_v<State, Probability>;

  /// What methods count, before an update that may come to nothing.
  NASH_COLD void remember_numbers(Game& game) {
    Game::List::visit_state(game.methods, [this](const StateName&, const auto& state) {
      if constexpr (is_number<std::remove_cvref_t<decltype(state)>>) numbers_.push_back(static_cast<double>(state));
    });
  }
  NASH_COLD void restore_numbers(Game& game, std::size_t update) {
    const double* number = numbers_.data() + update * (numbers_.size() / unread_.size());
    Game::List::visit_state(game.methods, [&number]<class State>(const StateName&, State& state) {
      if constexpr (std::is_same_v<State, Probability>) state.value = *number++;
      else if constexpr (is_number<State>) state = static_cast<State>(*number++);
    });
  }

  std::array<bool, 2> conditional_{};  // whether all that a player's updates change can be; not before its first
  std::vector<Unread> unread_;
  std::vector<double> numbers_;  // of methods, as many for each of these
};

}  // namespace nash
