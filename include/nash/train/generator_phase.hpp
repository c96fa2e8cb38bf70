// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/two_player_game.hpp"

namespace nash {

/// An update of the generator.
template <class Game>
class GeneratorPhase {
  using G = typename Game::GeneratorType;
  using D = typename Game::DiscriminatorType;
  using L = typename Game::LossType;
  using List = typename Game::List;
  using Scalar = typename Game::Scalar;
  using Device = typename Game::Device;
  using Images = typename Game::Images;
  using Purpose = typename Game::Purpose;

 public:
  explicit GeneratorPhase(Game& game) : game_(game) {}

  /// On fakes of latents of its own, or on those of the discriminator's update before it where the options say so. `discriminator_updates` is how
  /// many this step had.
  NASH_COLD void run(const Images& real_batch, index_t repetition, index_t discriminator_updates, StepReport& report) {
    constexpr Player player = Player::generator;
    const Update<Device> told = game_.update_of(player, repetition);
    const bool reuse = game_.options.reuse_fakes;  // the latents, fakes and tape of the discriminator's last update
    game_.generator_player.begin_gradients(context_, generator_);
    const Pass<Device> own_pass = reuse ? game_.training_pass(Player::discriminator, discriminator_updates - 1, Purpose::generator_pass)
                                        : game_.training_pass(player, repetition, Purpose::generator_pass);
    const Pass<Device> other_pass = game_.training_pass(player, repetition, Purpose::fake_pass);
    if (!reuse) {
      game_.draw_latents(told, real_batch.shape()[0]);
      generator_.forward(own_pass, latents_, fakes_, &generator_tape_);
    }
    const Images& fakes = game_.shown(told, ImageSource::generated, fakes_, shown_fakes_);
    discriminator_.forward(other_pass, fakes, logits_, &discriminator_tape_);
    const Images* real = &real_batch;
    if constexpr (List::possible.match || PairLoss<L>) {
      if (methods_.used().match || PairLoss<L>) real = &game_.shown(told, ImageSource::real, real_batch, shown_real_);
    }
    double value = 0;
    auto added = game_.added_terms();
    if constexpr (LogitLoss<L>) {
      value = game_.template term_of<LossTerm::generator>(told, logits_, d_logits_);
    } else {
      discriminator_.forward(game_.training_pass(player, repetition, Purpose::real_pass), *real, real_logits_, nullptr);
      value = game_.value_of(UnreadValue::Kind::generator_loss, [&] { return game_.loss.generator(context_, real_logits_, logits_, d_logits_); });
    }
    if (!std::isfinite(value)) {
      const std::string origin = all_finite(fakes)
                                     ? first_bad_place(discriminator_, fakes, "", logits_, discriminator_tape_)
                                     : first_bad_place(generator_, latents_, "the latents", fakes_, generator_tape_);
      return game_.fail(report, player, "loss", origin);
    }
    report.g_loss = value;
    if constexpr (List::possible.add_to_loss) methods_.run_add_to_loss(told, LossTerm::generator, logits_, d_logits_, added);
    if constexpr (List::possible.recover) methods_.run_recover(told, latents_, logits_, d_logits_, added);
    discriminator_.backward(other_pass, fakes, logits_, discriminator_tape_, d_logits_, &d_fakes_, nullptr);
    if constexpr (List::possible.match) methods_.run_match(told, discriminator_, *real, fakes, d_fakes_, added);
    if constexpr (List::possible.change_images) methods_.run_change_images_backward(told, ImageSource::generated, d_fakes_);
    Gradients<Scalar, Device> gradients = game_.generator_player.places();
    generator_.backward(own_pass, latents_, fakes_, generator_tape_, d_fakes_, methods_.used().change_latents_backward ? &d_latents_ : nullptr, &gradients);
    if constexpr (List::possible.change_latents_backward)
      methods_.run_change_latents_backward(told, generator_, discriminator_, d_latents_, gradients, added);
    if (!game_.add_parameter_terms(told, generator_, added, report, report.g_added)) return;
    game_.update(told, generator_, report, report.g_gradient_norm);
  }

 private:
  Game& game_;
  Context<Device>& context_ = game_.context;
  G& generator_ = game_.generator;
  D& discriminator_ = game_.discriminator;
  List& methods_ = game_.methods;
  Images &latents_ = game_.latents, &fakes_ = game_.fakes, &logits_ = game_.logits, &d_logits_ = game_.d_logits, &d_fakes_ = game_.d_fakes;
  Images &d_latents_ = game_.d_latents, &shown_real_ = game_.shown_real, &shown_fakes_ = game_.shown_fakes;
  Images& real_logits_ = game_.real_logits;
  typename G::Saved& generator_tape_ = game_.generator_tape;
  typename D::Saved& discriminator_tape_ = game_.discriminator_tape;
};

}  // namespace nash
