// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <functional>

#include "nash/train/step_phases.hpp"
#include "nash/train/trainer_checks.hpp"

namespace nash {

/// Drives the two players. Goodfellow et al. 2014, algorithm 1, as a list of phases.
///
///     GanTrainer trainer{std::move(generator), std::move(discriminator), NonSaturating{}, {.seed = 42}};
///     for (const Batch<>& batch : loader) StepReport report = trainer.step(batch);
///
/// Regularisers and tricks are methods (see nash/train/method.hpp), given after the options, which may be left out:
///
///     GanTrainer trainer{std::move(generator), std::move(critic), Wasserstein{}, {.seed = 42}, GradientPenalty{10}};
///
/// Networks without parameters yet are initialised from the seed. With the same seed, build and processor a run gives the same
/// bits, whatever the number of threads. The discriminator's phase leaves the generator as it is, running statistics
/// included, and the reverse.
template <class G, class D, Loss L, class... Methods>
class GanTrainer {
  using Game = TwoPlayerGame<G, D, L, Methods...>;
  using List = typename Game::List;
  static_assert(std::is_same_v<typename G::Scalar, typename D::Scalar>, "both players have one scalar type");
  static_assert(std::is_same_v<typename G::Device, typename D::Device>, "both players are on one device");
  static_assert((goes_with_loss<L, Methods, G, D>() && ...));

 public:
  using Scalar = typename G::Scalar;
  using Device = typename G::Device;
  using Images = Tensor<Scalar, Device>;

  /// Fills z, whose shape is set, with the latents of a player's update; `repetition` counts the updates of that player in
  /// the step, from 0. A generator that reuses fakes has the discriminator's latents, and none are asked for.
  using LatentSource = std::function<void(Player player, index_t step, index_t repetition, Images& z)>;
  /// Combines a player's gradients with those of other processes: the seam for data-parallel training.
  using GradientReduction = std::function<void(Player player, Images& gradients)>;

  NASH_COLD GanTrainer(G generator, D discriminator, L loss, TrainerOptions options = {}, Methods... methods)
      : game_(std::move(generator), std::move(discriminator), std::move(loss), std::move(options), methods...) {
    check_trainer(game_.methods, game_.options, game_.labels.classes());
    if constexpr (List::is_dynamic && !LogitLoss<L>) check_methods_of_pair_loss(game_.methods);
    game_.begin();
  }

  GanTrainer(G generator, D discriminator, L loss, Methods... methods)
    requires(sizeof...(Methods) > 0 && !(std::is_same_v<Methods, TrainerOptions> || ...))
      : GanTrainer(std::move(generator), std::move(discriminator), std::move(loss), TrainerOptions{}, std::move(methods)...) {}

  /// One step on a batch of real images, or on anything with `images` and, where it has them, `labels`. Throws ShapeError where the
  /// images are not of the shape that the generator makes, DataError where somebody depends on labels and these are missing or out of
  /// range, and NumericError as options say. The step's fakes have the labels of its real images, row by row.
  ///
  /// A step that is refused, by whatever exception, before it has updated a player is none: phases, latents and numbers go on as
  /// if it had not been tried. One that fails after an update counts, as does one with a NumericError, which would come again
  /// with the same latents.
  template <class Batch>
    requires requires(const Batch& batch) { batch.images; }
  StepReport step(const Batch& batch) {
    if constexpr (requires { batch.labels, batch.classes; })
      return step(batch.images, batch.labels, batch.classes);
    else if constexpr (requires { batch.labels; })
      return step(batch.images, batch.labels);
    else
      return step(batch.images);
  }
  NASH_COLD StepReport step(const Images& batch, std::span<const std::int32_t> labels = {}, index_t classes = 0) {
    check_real_images(batch.shape(), game_.sample_shape);
    game_.generator_player.check_size(game_.generator);
    game_.discriminator_player.check_size(game_.discriminator);
    game_.labels.take(batch.shape()[0], labels, classes);
    StepReport report;
    report.step = ++game_.steps;
    typename StepPhases<Game>::Place at;
    try {
      phases_.begin(game_);
      [[maybe_unused]] const auto recording = record_step(batch.shape()[0]);
      phases_.run(game_, in_one_place(batch), at, report);
    } catch (const NumericError&) {
      throw;
    } catch (...) {
      if (at.discriminator_updates + at.generator_updates == 0) --game_.steps;
      throw;
    }
    if constexpr (sizeof...(Methods) > 0) {
      game_.methods.run_after_step(game_.steps, report);
      game_.last_report = report;
    }
    return report;
  }

  index_t steps() const { return game_.steps; }
  Context<Device>& context() { return game_.context; }
  const TrainerOptions& options() const { return game_.options; }

  G& generator() { return game_.generator; }
  const G& generator() const { return game_.generator; }
  D& discriminator() { return game_.discriminator; }
  const D& discriminator() const { return game_.discriminator; }

  /// A method at work, by its type: trainer.method<TopK>(). Where a trainer has two of one type there is none.
  template <class M>
  auto& method() {
    return game_.methods.template get<M>();
  }
  /// The same of a template: trainer.method<AdaptiveAugmentation>().
  template <template <class...> class M>
  auto& method() {
    return game_.methods.template get<M>();
  }
  const List& methods() const { return game_.methods; }

  /// Lets the average begin anew at the generator as it is: call it after writing into generator() from outside, as by
  /// load_network, since the average is of what it was trained to until then. Without an average it does nothing.
  void reset_average() {
    if (game_.average) game_.average->reset(game_.generator);
  }

  /// The averaged generator where one is kept, else the generator: what samples are best drawn from.
  const G& sampling_generator() const { return game_.average ? game_.average->network() : game_.generator; }

  /// Samples of sampling_generator() for given latents, and labels where it depends on them.
  void generate(const Images& latents, Images& samples, const LabelView& labels = {}) {
    sampling_generator().generate(game_.context, latents, samples, labels);
  }

  /// Replaces a player's optimiser by a fresh one.
  template <OptimizerRule Rule>
  void set_optimizer(Player player, const Rule& rule) {
    game_.of(player).optimizer = Optimizer<Scalar, Device>(rule, game_.of(player).gradients.count());
    game_.of(player).factors.clear();
  }
  const Optimizer<Scalar, Device>& optimizer(Player player) const {
    return player == Player::generator ? game_.generator_player.optimizer : game_.discriminator_player.optimizer;
  }

  /// A factor on a player's learning rate, as a function of the player's updates so far: LinearDecay{…}, …. It is asked once for each
  /// update. Throws what the schedule's check() throws, where it has one.
  template <class S>
    requires std::constructible_from<Schedule, S>
  void set_schedule(Player player, S schedule) {
    if constexpr (requires { schedule.check(); }) schedule.check();
    Schedule function = std::move(schedule);
    if (!function) throw Error("GanTrainer", "the schedule is an empty function", "give ConstantRate{} for a rate that stays");
    game_.of(player).schedule = std::move(function);
    game_.of(player).factors.clear();
  }

  /// Latents of your own, instead of independent draws from the generator's distribution.
  void set_latent_source(LatentSource source) { game_.latent_source = std::move(source); }

  void set_gradient_reduction(GradientReduction reduction) { game_.reduction = std::move(reduction); }

  /// visitor(name, state) for all that a run goes on from: the networks' tensors, the average's and the optimisers', what methods carry,
  /// the seed, and the numbers that are counted. Options are the program's own. See save_checkpoint.
  template <class Self, class Visitor>
  NASH_COLD static void visit_state(Self& self, Visitor&& visit) {
    const auto network = [&](const char* name, auto& of) {
      std::remove_cvref_t<decltype(of)>::visit_state(of, [&](const StateName& rest, auto& state) { visit(StateName(name, rest), state.value()); });
    };
    const auto part = [&](const char* name) { return [&visit, name](const StateName& rest, auto& state) { visit(StateName(name, rest), state); }; };
    visit("seed", self.game_.options.seed);
    visit("steps", self.game_.steps);
    network("generator", self.game_.generator);
    network("discriminator", self.game_.discriminator);
    if (self.game_.average) network("average", self.game_.average->network());
    Optimizer<Scalar, Device>::visit_state(self.game_.generator_player.optimizer, part("generator.optimizer"));
    Optimizer<Scalar, Device>::visit_state(self.game_.discriminator_player.optimizer, part("discriminator.optimizer"));
    const std::string methods = self.game_.methods.names();
    visit("methods", methods);
    List::visit_state(self.game_.methods, part("methods"));
    StepReport::visit_state(self.game_.last_report, part("last_report"));
  }

  /// To be called after the state was written from outside, as by load_checkpoint.
  NASH_COLD void mark_loaded() {
    game_.generator.mark_loaded(game_.context);
    game_.discriminator.mark_loaded(game_.context);
    game_.generator_player.factors.clear();
    game_.discriminator_player.factors.clear();
    if (game_.average) game_.average->network().mark_loaded(game_.context);
  }

 private:
  /// Steps of as many samples in which the same phases run are one sequence of operations. On the host nothing is recorded.
  auto record_step(index_t samples) {
    if constexpr (requires { game_.context.record_sequence(std::uint64_t{}); }) {
      std::uint64_t name = static_cast<std::uint64_t>(samples);
      for (const Phase& phase : game_.options.phases) name = 2 * name + (phase.runs_in(game_.steps) ? 1 : 0);
      name = 2 * name + (game_.reads_later ? 1 : 0);
      return game_.context.record_sequence(name, game_.options.record_steps);
    } else {
      return 0;
    }
  }

  /// A recorded step has its batch always at the same address: loaders have several.
  const Images& in_one_place(const Images& batch) {
    if constexpr (requires { game_.context.record_sequence(std::uint64_t{}); }) {
      if (game_.options.record_steps) {
        real_.resize(batch.shape());
        pointwise(game_.context, batch.count(), Copy<Scalar>{batch.data(), real_.data()});
        return real_;
      }
    }
    return batch;
  }

  Game game_;
  StepPhases<Game> phases_;
  Images real_;  // only where steps are recorded
};

// Both constructors fit, for clang; this one is preferred to what it makes of them.
template <class G, class D, Loss L>
GanTrainer(G, D, L) -> GanTrainer<G, D, L>;

}  // namespace nash
