// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/two_player_game.hpp"

namespace nash {

/// An update of the discriminator.
template <class Game>
class DiscriminatorPhase {
  using G = typename Game::GeneratorType;
  using D = typename Game::DiscriminatorType;
  using L = typename Game::LossType;
  using List = typename Game::List;
  using Scalar = typename Game::Scalar;
  using Device = typename Game::Device;
  using Images = typename Game::Images;
  using Purpose = typename Game::Purpose;

 public:
  explicit DiscriminatorPhase(Game& game) : game_(game) {}

  /// Two terms, each run forward and backward before the next where the loss takes one logit at a time, so that one tape serves
  /// both. The generator has a tape only where it will go on from these fakes, and its statistics do not move: it is not its turn.
  NASH_COLD void run(const Images& real_batch, index_t repetition, typename G::Saved* generator_tape, StepReport& report) {
    constexpr Player player = Player::discriminator;
    const Update<Device> told = game_.update_of(player, repetition);
    game_.discriminator_player.begin_gradients(context_, discriminator_);
    const Images& real = game_.shown(told, ImageSource::real, real_batch, shown_real_);
    const Pass<Device> real_pass = game_.training_pass(player, repetition, Purpose::real_pass);
    DiscriminatorLoss loss{};
    auto added = game_.added_terms();
    if constexpr (LogitLoss<L>) {
      typename D::Saved& tape = game_.reads_later ? game_.real_tape : discriminator_tape_;  // is committed later, when the other is in use
      discriminator_.forward(real_pass, real, logits_, &tape);
      loss.real = game_.template term_of<LossTerm::real>(told, logits_, d_logits_);
      if (!go_back<LossTerm::real>(told, real_pass, loss.real, real, logits_, d_logits_, tape, added, report)) return;
    }

    game_.draw_latents(told, real.shape()[0]);
    const Pass<Device> generator_pass = game_.training_pass(player, repetition, Purpose::generator_pass);
    if constexpr (List::possible.change_latents_backward) {
      if (methods_.used().change_latents_backward) generator_tape = &generator_tape_;  // for the way back to them
    }
    generator_.forward(generator_pass, latents_, fakes_, generator_tape);
    const Images& fakes = game_.shown(told, ImageSource::generated, fakes_, shown_fakes_);
    const Pass<Device> fake_pass = game_.training_pass(player, repetition, Purpose::fake_pass);
    if constexpr (LogitLoss<L>) {
      discriminator_.forward(fake_pass, fakes, logits_, &discriminator_tape_);
      loss.fake = game_.template term_of<LossTerm::fake>(told, logits_, d_logits_);
    } else {
      discriminator_.forward(real_pass, real, real_logits_, &game_.real_tape);
      discriminator_.forward(fake_pass, fakes, logits_, &discriminator_tape_);
      using Kind = UnreadValue::Kind;
      const auto [of_real, of_fake] = game_.values_of(std::array{Kind::real_loss, Kind::fake_loss}, [&] {
        const DiscriminatorLoss found = game_.loss.discriminator(context_, real_logits_, logits_, d_real_logits_, d_logits_);
        return std::array{found.real, found.fake};
      });
      loss = {of_real, of_fake};
      if (!go_back<LossTerm::real>(told, real_pass, loss.real, real, real_logits_, d_real_logits_, game_.real_tape, added, report)) return;
    }
    if (!go_back<LossTerm::fake>(told, fake_pass, loss.fake, fakes, logits_, d_logits_, discriminator_tape_, added, report)) return;
    if constexpr (List::possible.change_latents_backward) {
      if (methods_.used().change_latents_backward) {
        if constexpr (List::possible.change_images) methods_.run_change_images_backward(told, ImageSource::generated, d_fakes_);
        generator_.backward(generator_pass, latents_, fakes_, generator_tape_, d_fakes_, &d_latents_, nullptr);
        Gradients<Scalar, Device> gradients = game_.discriminator_player.places();
        methods_.run_change_latents_backward(told, generator_, discriminator_, d_latents_, gradients, added);
      }
    }

    report.d_loss = loss.real + loss.fake;
    if constexpr (List::possible.penalise) {
      Gradients<Scalar, Device> gradients = game_.discriminator_player.places();
      methods_.run_penalise(told, discriminator_, real, fakes, gradients, added);
    }
    if (!game_.add_parameter_terms(told, discriminator_, added, report, report.d_added)) return;
    game_.update(told, discriminator_, report, report.d_gradient_norm);
  }

 private:
  /// Backward of a term and its commit, unless its value is not finite.
  template <LossTerm term>
  NASH_COLD bool go_back(const Update<Device>& told, const Pass<Device>& pass, double value, const Images& images, const Images& logits,
                         Images& d_logits, typename D::Saved& tape, AddedTerms<Context<Device>>& added, StepReport& report) {
    if (!std::isfinite(value)) {
      if (term == LossTerm::fake && !all_finite(images)) {  // the generator's pass once more, now with a tape, tells where
        generator_.forward(game_.training_pass(told.player, told.repetition, Purpose::generator_pass), latents_, fakes_, &generator_tape_);
        game_.fail(report, told.player, "loss", first_bad_place(generator_, latents_, "the latents", fakes_, generator_tape_));
      } else {
        game_.fail(report, told.player, "loss", first_bad_place(discriminator_, images, "the real batch", logits, tape));
      }
      return false;
    }
    constexpr auto kind = term == LossTerm::real ? UnreadValue::Kind::real_probability : UnreadValue::Kind::fake_probability;
    (term == LossTerm::real ? report.d_real : report.d_fake) = game_.value_of(kind, [&] { return mean_probability(context_, logits); });
    if constexpr (List::possible.add_to_loss) methods_.run_add_to_loss(told, term, logits, d_logits, added);
    if constexpr (List::possible.recover && term == LossTerm::fake) methods_.run_recover(told, latents_, logits, d_logits, added);
    Gradients<Scalar, Device> gradients = game_.discriminator_player.places();
    Images* const d_images = methods_.used().change_latents_backward && term == LossTerm::fake ? &d_fakes_ : nullptr;
    discriminator_.backward(pass, images, logits, tape, d_logits, d_images, &gradients);
    if (!game_.reads_later) {
      [[maybe_unused]] const auto update = game_.updating();
      discriminator_.commit(context_, tape);
    }
    return true;
  }

  Game& game_;
  Context<Device>& context_ = game_.context;
  G& generator_ = game_.generator;
  D& discriminator_ = game_.discriminator;
  List& methods_ = game_.methods;
  Images &latents_ = game_.latents, &fakes_ = game_.fakes, &logits_ = game_.logits, &d_logits_ = game_.d_logits, &d_fakes_ = game_.d_fakes;
  Images &d_latents_ = game_.d_latents, &shown_real_ = game_.shown_real, &shown_fakes_ = game_.shown_fakes;
  Images &real_logits_ = game_.real_logits, &d_real_logits_ = game_.d_real_logits;
  typename G::Saved& generator_tape_ = game_.generator_tape;
  typename D::Saved& discriminator_tape_ = game_.discriminator_tape;
};

}  // namespace nash
