// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/wasserstein.hpp"
#include "nash/method/gradient_penalty.hpp"
#include "nash/method/weight_clip.hpp"
#include "nash/optim/rmsprop.hpp"
#include "nash/train/gan_trainer.hpp"

namespace nash {

/// Five updates of the critic to one of the generator, each with a real batch of its own.
inline std::vector<Phase> n_critic_phases(index_t n_critic = 5) { return {{Player::discriminator}, {.player = Player::generator, .every = n_critic}}; }

struct WganOptions {
  double clip = 0.01;
  RmsProp optimizer = {};  ///< of both players: rate 5·10⁻⁵
  index_t n_critic = 5;
};

/// WGAN as published: Wasserstein loss, weight clipping, RMSProp, n_critic = 5. Arjovsky, Chintala and Bottou 2017, algorithm 1.
/// Of the trainer's options the phases and the optimisers are set here.
template <class G, class D>
GanTrainer<G, D, Wasserstein, WeightClip> wgan_trainer(G generator, D critic, TrainerOptions trainer = {}, const WganOptions& options = {}) {
  trainer.phases = n_critic_phases(options.n_critic);
  GanTrainer<G, D, Wasserstein, WeightClip> made(std::move(generator), std::move(critic), Wasserstein{}, std::move(trainer), WeightClip(options.clip));
  for (const Player player : {Player::generator, Player::discriminator}) made.set_optimizer(player, options.optimizer);
  return made;
}

struct WganGpOptions {
  double penalty = 10;
  Adam optimizer = {.learning_rate = 1e-4, .beta1 = 0, .beta2 = 0.9};  ///< of both players
  index_t n_critic = 5;
};

/// WGAN-GP as published: Wasserstein loss, gradient penalty with λ = 10, Adam with β = (0, 0.9), n_critic = 5.
/// Gulrajani et al. 2017, algorithm 1. Of the trainer's options the phases and the optimisers are set here.
template <class G, class D>
GanTrainer<G, D, Wasserstein, GradientPenalty> wgan_gp_trainer(G generator, D critic, TrainerOptions trainer = {},
                                                               const WganGpOptions& options = {}) {
  trainer.phases = n_critic_phases(options.n_critic);
  trainer.generator = trainer.discriminator = options.optimizer;
  return {std::move(generator), std::move(critic), Wasserstein{}, std::move(trainer), GradientPenalty(options.penalty)};
}

}  // namespace nash
