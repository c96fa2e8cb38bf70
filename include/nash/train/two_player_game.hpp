// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>

#include "nash/loss/loss.hpp"
#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/optim/ema.hpp"
#include "nash/train/diagnosis.hpp"
#include "nash/train/method_list.hpp"
#include "nash/train/player_state.hpp"
#include "nash/train/step_labels.hpp"
#include "nash/train/trainer_options.hpp"

namespace nash {

/// What the two players of a GanTrainer play with: networks, loss, methods, random numbers, the memory of a step, and what the phases of
/// both have in common. DiscriminatorPhase and GeneratorPhase are their moves.
template <class G, class D, Loss L, class... Methods>
struct TwoPlayerGame {
  using GeneratorType = G;
  using DiscriminatorType = D;
  using LossType = L;
  using List = MethodList<G, D, Methods...>;
  using Scalar = typename G::Scalar;
  using Device = typename G::Device;
  using Images = Tensor<Scalar, Device>;
  using LatentSource = std::function<void(Player player, index_t step, index_t repetition, Images& z)>;
  using GradientReduction = std::function<void(Player player, Images& gradients)>;

  /// What a pass draws at random, each for a purpose of its own.
  enum class Purpose : std::uint64_t { latents, generator_pass, real_pass, fake_pass };

  NASH_COLD TwoPlayerGame(G&& g, D&& d, L&& l, TrainerOptions&& o, const Methods&... m)
      : options(std::move(o)), loss(std::move(l)), context(options.threads), generator(std::move(g)), discriminator(std::move(d)),
        sample_shape(generator.sample_shape(1)), generator_player(options.generator, generator.parameters().shape()),
        discriminator_player(options.discriminator, discriminator.parameters().shape()), methods(m..., generator, discriminator),
        labels(fewer_classes(fewer_classes(generator.classes(), discriminator.classes()), methods.classes())) {}

  /// Throws ShapeError where the players do not fit together; initialises those that have no parameters yet.
  NASH_COLD void begin() {
    discriminator.check_samples(sample_shape);
    if (!generator.is_ready()) generator.initialise(context, random().child(0));
    if (!discriminator.is_ready()) discriminator.initialise(context, random().child(1));
    if (options.average_decay) average.emplace(generator, *options.average_decay);
  }

  /// Whether the host may look at a step's losses and norms when it is over: see StepPhases.
  static constexpr bool can_read_later = requires(Context<Device>& c) { c.readings(); } && (LogitLoss<L> || RunsAhead<L>) && List::possible.run_ahead;

  /// What `evaluate` returns, a factor times one sum; or, where the host looks at the step's end, the factor, and the sum comes then.
  template <class Function>
  double value_of([[maybe_unused]] UnreadValue::Kind kind, const Function& evaluate) {
    return values_of(std::array{kind}, [&] { return std::array{evaluate()}; })[0];
  }
  /// The same of several, each with a sum of its own, in their order.
  template <std::size_t count, class Function>
  std::array<double, count> values_of([[maybe_unused]] const std::array<UnreadValue::Kind, count>& kinds, const Function& evaluate) {
    if constexpr (can_read_later) {
      if (reads_later) {
        const index_t first = context.readings_so_far();
        const auto later = context.read_later(true);
        const std::array<double, count> factors = evaluate();
        if (const index_t sums = context.readings_so_far() - first; sums != static_cast<index_t>(count))
          throw Error("GanTrainer", concat({"one sum for each value of a loss that runs ahead, ", count}), concat({sums}),
                      "make one of several by WeightedSums, or leave runs_ahead out of the loss");
        for (std::size_t i = 0; i < count; ++i) unread_values.push_back({kinds[i], first + static_cast<index_t>(i), factors[i]});
        return factors;
      }
    }
    return evaluate();
  }
  /// For what methods add in an update.
  AddedTerms<Context<Device>> added_terms() { return {context, reads_later ? &unread_values : nullptr}; }
  /// While what it returns lives, a player is updated.
  auto updating() {
    if constexpr (can_read_later) return context.updating(reads_later);
    else return 0;
  }

  RandomStream random() const { return RandomStream(options.seed); }

  PlayerState<Scalar, Device>& of(Player player) { return player == Player::generator ? generator_player : discriminator_player; }

  NASH_COLD RandomStream stream(Player player, index_t repetition, Purpose purpose) const {
    return random().child(2 + static_cast<std::uint64_t>(player)).child(static_cast<std::uint64_t>(steps))
        .child(static_cast<std::uint64_t>(repetition)).child(static_cast<std::uint64_t>(purpose));
  }
  /// What methods are told, with random numbers that nobody else draws.
  Update<Device> update_of(Player player, index_t repetition) {
    return {context, player, steps, repetition,
            random().child(4 + static_cast<std::uint64_t>(player)).child(static_cast<std::uint64_t>(steps)).child(static_cast<std::uint64_t>(repetition)),
            labels.view(), reads_later ? &unread_values : nullptr};
  }
  Pass<Device> training_pass(Player player, index_t repetition, Purpose purpose) {
    return {.context = context, .mode = Mode::train, .random = stream(player, repetition, purpose), .labels = labels.view()};
  }

  NASH_COLD void draw_latents(const Update<Device>& told, index_t samples) {
    if (!latent_source) {
      generator.latent().draw(context, stream(told.player, told.repetition, Purpose::latents), samples, latents, labels.view());
    } else {
      const Shape wanted{samples, generator.latent().size()};
      latents.resize(wanted);
      latent_source(told.player, steps, told.repetition, latents);
      if (latents.shape() != wanted)
        throw ShapeError("GanTrainer", concat({"latents of the shape ", wanted, " from the latent source"}), latents.shape().text(),
                         "fill them and leave their shape");
    }
    if constexpr (List::possible.change_latents) methods.run_change_latents(told, generator, discriminator, latents);
  }

  /// The images as the discriminator sees them: themselves, or what methods made of them in `changed`.
  const Images& shown(const Update<Device>& update, ImageSource source, const Images& images, Images& changed) {
    if constexpr (!List::possible.change_images) {
      return images;
    } else {
      if (!methods.used().change_images) return images;
      changed.resize(images.shape());
      pointwise(context, images.count(), Copy<Scalar>{images.data(), changed.data()});
      methods.run_change_images(update, source, changed);
      return changed;
    }
  }

  /// The loss of a term on logits, and its gradient with it, as methods want it.
  template <LossTerm term>
  double term_of(const Update<Device>& update, const Images& l, Images& d_l)
    requires LogitLoss<L>
  {
    constexpr auto kind = term == LossTerm::real ? UnreadValue::Kind::real_loss
                          : term == LossTerm::fake ? UnreadValue::Kind::fake_loss : UnreadValue::Kind::generator_loss;
    if constexpr (term == LossTerm::generator ? List::possible.weigh_fakes : List::possible.change_targets) {
      if (term == LossTerm::generator ? methods.used().weigh_fakes : methods.used().change_targets) {
        const index_t samples = l.shape()[0];
        rows.resize(Shape{samples});
        pointwise(context, samples, Fill<Scalar>{rows.data(), static_cast<Scalar>(term == LossTerm::fake ? 0 : 1)});
        LossRows<Scalar> of;
        if constexpr (term == LossTerm::generator) {
          methods.run_weigh_fakes(update, l, rows);
          of.weights = rows.data();
        } else {
          methods.run_change_targets(update, term, rows);
          of.targets = rows.data();
        }
        return value_of(kind, [&] { return evaluate_loss<term>(context, loss, of, l, d_l); });
      }
    }
    return value_of(kind, [&] { return evaluate_loss<term>(context, loss, l, d_l); });
  }

  /// After all passes of an update: the methods' terms of the parameters, and what all of a player's methods added into the report, unless it is not finite.
  template <class Network>
  NASH_COLD bool add_parameter_terms(const Update<Device>& told, const Network& network, AddedTerms<Context<Device>>& added, StepReport& report,
                                     std::optional<double>& to) {
    constexpr Player player = std::is_same_v<Network, D> ? Player::discriminator : Player::generator;
    of(told.player).end_gradients();
    if constexpr (List::possible.adds_terms(player)) {
      if (!methods.used().adds_terms(player)) return true;
      if constexpr (List::possible.parameter_term(player))
        methods.run_add_parameter_term(told, network, of(told.player).gradients, added);
      if (!std::isfinite(added.value())) {
        const std::string parameter = first_bad_parameter(network);
        fail(report, told.player, "methods' term",
             parameter.empty() ? "that term" : concat({"parameter ", parameter, " of ", network.role()}));
        return false;
      }
      to = added.value();
    }
    return true;
  }

  /// Applies a player's gradients, unless they are not finite.
  template <class Network>
  NASH_COLD void update(const Update<Device>& told, Network& network, StepReport& report, std::optional<double>& norm) {
    const Player player = told.player;
    PlayerState<Scalar, Device>& state = of(player);
    if (reduction) reduction(player, state.gradients);
    if (state.gradients.count() != network.parameters().count())
      throw ShapeError("GanTrainer", concat({network.parameters().count(), " gradients from the reduction"}), concat({state.gradients.count()}),
                       "change their values and leave their shape");
    norm = std::sqrt(value_of(UnreadValue::Kind::gradient_norm, [&] { return sum(context, state.gradients.count(), Square<Scalar>{state.gradients.data()}); }));
    if (!std::isfinite(*norm)) {
      const std::string name = first_bad_gradient(network, state.gradients);
      return fail(report, player, name.empty() ? "gradient norm" : "gradient of " + name, name.empty() ? "their sum" : concat({name, " of ", network.role()}));
    }
    [[maybe_unused]] const auto update = updating();
    if constexpr (can_read_later && std::is_same_v<Network, D>) {
      if (reads_later) discriminator.commit(context, real_tape), discriminator.commit(context, discriminator_tape);
    }
    state.step(context, network.parameters());
    methods.run_after_update(told, network);
    network.refresh(context);
    if constexpr (std::is_same_v<Network, G>) {
      generator.commit(context, generator_tape);
      if (average) average->update(context, generator);
    }
  }

  NASH_COLD void fail(StepReport& report, Player player, std::string what, std::string origin) {
    report.non_finite = NonFinite{steps, player, std::move(what), std::move(origin)};
    if (options.on_non_finite == OnNonFinite::raise)
      throw NumericError("GanTrainer", report.non_finite->text(), "lower the learning rates, check the data, or report instead (OnNonFinite)");
  }

  TrainerOptions options;
  L loss;
  Context<Device> context;
  G generator;
  D discriminator;
  Shape sample_shape;
  PlayerState<Scalar, Device> generator_player, discriminator_player;
  std::optional<Ema<G>> average;
  LatentSource latent_source;
  GradientReduction reduction;
  index_t steps = 0;
  bool reads_later = false;                 // in this step
  std::vector<UnreadValue> unread_values;  // of this step, where it does
  List methods;
  StepReport last_report;  // for methods
  StepLabels<Device> labels;

  Images latents, fakes, logits, d_logits, d_fakes;
  Images d_latents;                     // where methods change latents
  Images shown_real, shown_fakes, rows;  // where methods change images, targets or weights
  Images real_logits, d_real_logits;    // where the loss compares both sides
  typename G::Saved generator_tape;
  typename D::Saved discriminator_tape, real_tape;
};

}  // namespace nash
