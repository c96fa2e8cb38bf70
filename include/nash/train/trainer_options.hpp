// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "nash/optim/adam.hpp"
#include "nash/train/phase.hpp"

namespace nash {

/// What a trainer does with a loss or a gradient that is not finite. Either way the player is not updated.
enum class OnNonFinite {
  raise,   ///< throw NumericError
  report,  ///< end the step and say so in the report
};

/// What a GanTrainer needs to know besides its players and loss; the defaults are DCGAN's (Radford, Metz and Chintala 2016).
struct TrainerOptions {
  std::uint64_t seed = 0;               ///< of the initial parameters, the latents and dropout
  Adam generator = {};                  ///< another optimiser: trainer.set_optimizer(Player::generator, Sgd{…})
  Adam discriminator = {};
  std::vector<Phase> phases = {{Player::discriminator}, {Player::generator}};
  /// Train the generator on the fakes that the discriminator was just updated with, in place of fresh ones: one forward pass of
  /// the generator less in each step. Each generator phase then follows a discriminator phase directly and is not repeated, else
  /// the constructor throws ShapeError. Nothing is kept from one step to the next.
  bool reuse_fakes = false;
  /// On a GPU: record a step's operations and run them as graphs from then on. The results are the same bits.
  bool record_steps = true;
  std::optional<double> average_decay = std::nullopt;  ///< keep an exponential moving average of the generator, such as 0.999
  OnNonFinite on_non_finite = OnNonFinite::raise;
  int threads = 0;                      ///< 0: OMP_NUM_THREADS or all cores
};

}  // namespace nash
