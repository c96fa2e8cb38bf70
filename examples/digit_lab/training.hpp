// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "digit_lab/players.hpp"
#include "support/arguments.hpp"

namespace digit_lab {

/// The discriminator's updates for each of the generator's.
inline index_t updates_of_d(const Row& row, const Settings& settings) {
  const bool is_preset = row.kind == Kind::wgan || row.kind == Kind::wgan_gp;
  return settings.updates_of_d > 0 ? settings.updates_of_d : is_preset ? nash::WganOptions{}.n_critic : 1;
}

/// The optimisers of a row, as the table names them.
inline std::string optimizers(const Row& row, const Settings& settings) {
  const auto adam = [](const nash::Adam& own) { return nash::concat({"Adam ", own.learning_rate, " (", own.beta1, "; ", own.beta2, ")"}); };
  if (row.kind == Kind::wgan) return nash::concat({"RMSProp ", row.published ? nash::WganOptions{}.optimizer.learning_rate : settings.adam.learning_rate});
  nash::Adam own = nash::WganGpOptions{}.optimizer;
  if (row.kind != Kind::wgan_gp) own = settings.adam;
  if (row.kind == Kind::wgan_gp && !row.published) own.learning_rate = settings.adam.learning_rate;
  const std::string of_g = row.rate_of_g == 1 ? "" : nash::concat({"; G at ", row.rate_of_g, " of it"});
  return adam(own) + of_g + (settings.rate_of_d == 1 || row.kind == Kind::wgan_gp ? "" : nash::concat({"; D at ", settings.rate_of_d, " of it"}));
}

/// Trains the players of a row, the samplers' as the baseline, and hands the trainer to use(trainer).
template <class Device, class Use>
void train(const Row& row, const nash::Dataset& digits, const Settings& settings, std::uint64_t seed, const Use& use) {
  using namespace nash;
  const index_t repeats = updates_of_d(row, settings), steps = settings.steps * repeats;  // a step of the trainer is one of D's
  Adam of_d = settings.adam;
  of_d.learning_rate *= settings.rate_of_d;
  Adam of_g = settings.adam;
  of_g.learning_rate *= row.rate_of_g;
  const TrainerOptions options{.seed = seed,
                               .generator = of_g,
                               .discriminator = of_d,
                               .phases = n_critic_phases(repeats),
                               .reuse_fakes = row.reuse_fakes,
                               .average_decay = row.average};
  const auto play = [&](auto trainer) {
    const auto fall = [&](Player player, index_t updates) {
      if (row.cosine)
        trainer.set_schedule(player, CosineDecay{.begin = updates / 2, .end = updates, .final_factor = 0.05});
      else
        trainer.set_schedule(player, LinearDecay{.begin = updates / 2, .end = updates, .final_factor = 0.05});
    };
    fall(Player::discriminator, steps), fall(Player::generator, settings.steps);
    Loader<float, Device> loader{digits, {.batch_size = settings.batch_size, .seed = seed}};
    for (index_t step = 0; step < steps && !example::interrupted(); ++step) trainer.step(loader.next().images);
    use(trainer);
  };
  auto g = make_generator<Device>(row, settings);
  const auto d = [&] { return make_discriminator<Device>(row, settings); };
  const auto with = [&](auto discriminator, auto loss, auto... added) {
    play(GanTrainer{std::move(g), std::move(discriminator), loss, options, added...});
  };
  switch (row.kind) {
    case Kind::no_method: return with(d(), NonSaturating{});
    case Kind::relativistic: return with(d(), RelativisticAverage{NonSaturating{}});
    case Kind::wgan: {
      WganOptions preset{.n_critic = repeats};
      if (!row.published) preset.optimizer.learning_rate = settings.adam.learning_rate;
      return play(wgan_trainer(std::move(g), d(), options, preset));
    }
    case Kind::wgan_gp: {
      WganGpOptions preset{.n_critic = repeats};
      if (!row.published) preset.optimizer.learning_rate = settings.adam.learning_rate;
      return play(wgan_gp_trainer(std::move(g), d(), options, preset));
    }
    case Kind::feature_matching:
      return with(d(), NonSaturating{},
                  row.all_features ? FeatureMatching{1} : FeatureMatching{1, {static_cast<index_t>(make_features<Device>(row, settings).layers().size()) - 1}});
    case Kind::replay_pool: return with(d(), NonSaturating{}, ReplayPool{row.pooled_batches * settings.batch_size});
    case Kind::logan: return with(d(), NonSaturating{}, Logan{0.9, {.natural = row.natural}});
    case Kind::diff_augment: return with(d(), NonSaturating{}, DiffAugment{});
    case Kind::ada:  // p may rise from 0 to 1 in half of the run
      return with(d(), NonSaturating{}, AdaptiveAugmentation{{.images = static_cast<double>(steps) * static_cast<double>(settings.batch_size) / 2}});
    case Kind::ada_all:
      return with(d(), NonSaturating{}, AdaptiveAugmentation{{.images = static_cast<double>(steps) * static_cast<double>(settings.batch_size) / 2}, PixelBlit{},
                                                             GeometricWarp{}, ColourChange{}, BandFilter{}, Corruption{}});
    default: break;
  }
  // The others share three trainers, where all methods but one are at their zero and change no bit.
  if (row.of_d == Normalise::none || row.of_d == Normalise::layer)  // penalties, which BatchNorm is refused with
    return with(d(), example::AnyLogitLoss{row.loss}, GradientPenalty{row.gradient_penalty, {.one_sided = row.one_sided}}, R1{row.r1, row.r1_every}, Dragan{row.dragan},
                R2{row.r2});
  if (row.orthogonal > 0 || row.lecam > 0)
    return with(d(), example::AnyLogitLoss{row.loss}, OrthogonalRegularisation{row.orthogonal}, LeCam{row.lecam, {.begin = steps / 4}});
  with(d(), example::AnyLogitLoss{row.loss}, LabelSmoothing{row.smoothing, row.most_smoothing}, LabelFlips{row.flips}, InstanceNoise{row.noise, steps},
       TopK{{.least = row.top_k, .decay = row.top_k, .every = std::max<index_t>(1, steps / 4)}}, HistoricalAveraging{row.historical}, BalancedSteps{row.margin});
}

}  // namespace digit_lab
