// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/phase.hpp"

namespace nash {

/// Which hooks (see method.hpp) the methods of a trainer have.
struct UsedHooks {
  bool takes_part = false, change_latents = false, change_latents_backward = false, change_images = false, change_targets = false;
  bool weigh_fakes = false, add_to_loss = false, recover = false, match = false, penalise = false;
  bool discriminator_term = false, generator_term = false;  ///< add_parameter_term, for either player's network
  bool exchange_fakes = false;
  bool run_ahead = true;  ///< whether all of them do

  /// Whether a player's methods have terms that belong into the report.
  constexpr bool adds_terms(Player player) const {
    return add_to_loss || recover || change_latents_backward || parameter_term(player) || (player == Player::discriminator ? penalise : match);
  }
  constexpr bool parameter_term(Player player) const { return player == Player::discriminator ? discriminator_term : generator_term; }

  /// The most sums that an update may leave to be read for each method: a term and one that is counted in each hook, and add_to_loss comes
  /// twice.
  static constexpr index_t most_sums_of_method = 2 * 12;

  /// Those of these methods and of others.
  constexpr UsedHooks operator|(const UsedHooks& other) const {
    return {takes_part || other.takes_part, change_latents || other.change_latents, change_latents_backward || other.change_latents_backward,
            change_images || other.change_images, change_targets || other.change_targets, weigh_fakes || other.weigh_fakes,
            add_to_loss || other.add_to_loss, recover || other.recover, match || other.match, penalise || other.penalise,
            discriminator_term || other.discriminator_term, generator_term || other.generator_term, exchange_fakes || other.exchange_fakes,
            run_ahead && other.run_ahead};
  }

  /// Every one, and all run ahead: what methods that are chosen at run time may have.
  static constexpr UsedHooks all() { return {true, true, true, true, true, true, true, true, true, true, true, true, true, true}; }
};

}  // namespace nash
