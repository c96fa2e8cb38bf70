// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <functional>

#include "nash/loss/loss.hpp"
#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/optim/ema.hpp"
#include "nash/optim/schedule.hpp"
#include "nash/train/diagnosis.hpp"
#include "nash/train/method_list.hpp"
#include "nash/train/step_labels.hpp"
#include "nash/train/trainer_options.hpp"

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
  using List = MethodList<G, D, Methods...>;
  static_assert(std::is_same_v<typename G::Scalar, typename D::Scalar>, "both players have one scalar type");
  static_assert(std::is_same_v<typename G::Device, typename D::Device>, "both players are on one device");
  static_assert(LogitLoss<L> || !List::change_targets,
                "labels can be softened or flipped where a loss takes one logit at a time: leave the label methods out, or use another loss");
  static_assert(LogitLoss<L> || !List::weigh_fakes,
                "fakes can be weighed where a loss takes one logit at a time: leave TopK out, or use another loss");

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
      : options_(std::move(options)), loss_(std::move(loss)), context_(options_.threads), generator_(std::move(generator)),
        discriminator_(std::move(discriminator)), sample_shape_(generator_.sample_shape(1)),
        generator_player_(options_.generator, generator_.parameters().shape()),
        discriminator_player_(options_.discriminator, discriminator_.parameters().shape()),
        methods_(methods..., generator_, discriminator_),
        labels_(fewer_classes(fewer_classes(generator_.classes(), discriminator_.classes()), methods_.classes())) {
    check_phases(options_.phases);
    if (options_.reuse_fakes) check_reuse(options_.phases);
    if (options_.reuse_fakes && List::takes_part)
      throw ShapeError("GanTrainer", "with reuse_fakes no method that leaves phases out", "one that does", "leave that method or reuse_fakes out");
    if (options_.reuse_fakes && List::change_latents)
      throw ShapeError("GanTrainer", "with reuse_fakes no method that changes latents", "one that does", "leave that method or reuse_fakes out");
    if (List::exchange_fakes && (List::recover || labels_.classes() > 0))
      throw ShapeError("GanTrainer", "each fake with its own label and latent where something depends on them",
                       "a method that exchanges fakes with past ones", "leave ReplayPool out");
    discriminator_.check_samples(sample_shape_);
    if (!generator_.is_ready()) generator_.initialise(context_, random().child(0));
    if (!discriminator_.is_ready()) discriminator_.initialise(context_, random().child(1));
    if (options_.average_decay) average_.emplace(generator_, *options_.average_decay);
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
    if (batch.shape().rank() == 0 || batch.shape().with_samples(1) != sample_shape_ || batch.shape()[0] < 1)
      throw ShapeError("GanTrainer", concat("real images of the generator's shape, N", sample_shape_.text().substr(1)), batch.shape().text(),
                       "change the generator's last layers or the data");
    check_size(generator_, generator_player_);
    check_size(discriminator_, discriminator_player_);
    labels_.take(batch.shape()[0], labels, classes);
    StepReport report;
    report.step = ++steps_;
    [[maybe_unused]] const auto recording = record_step(batch.shape()[0]);
    const Images& real = in_one_place(batch);
    index_t discriminator_updates = 0, generator_updates = 0;  // in this step: each draws latents of its own
    try {
      for (const Phase& phase : options_.phases) {
        if (!phase.runs_in(steps_) || !methods_.run_phase(phase, last_report_)) continue;
        for (index_t i = 0; i < phase.repeat && !report.non_finite; ++i) {
          if (phase.player == Player::discriminator) {
            const bool reused = i + 1 == phase.repeat && fakes_are_reused_after(phase);
            train_discriminator(real, discriminator_updates, reused ? &generator_tape_ : nullptr, report), ++discriminator_updates;
          } else {
            train_generator(real, generator_updates, discriminator_updates, report), ++generator_updates;
          }
        }
      }
    } catch (const NumericError&) {
      throw;
    } catch (...) {
      if (discriminator_updates + generator_updates == 0) --steps_;
      throw;
    }
    if constexpr (sizeof...(Methods) > 0) {
      methods_.run_after_step(steps_, report);
      last_report_ = report;
    }
    return report;
  }

  index_t steps() const { return steps_; }
  Context<Device>& context() { return context_; }
  const TrainerOptions& options() const { return options_; }

  G& generator() { return generator_; }
  const G& generator() const { return generator_; }
  D& discriminator() { return discriminator_; }
  const D& discriminator() const { return discriminator_; }

  /// A method at work, by its type: trainer.method<TopK>(). Where a trainer has two of one type there is none.
  template <class M>
  auto& method() {
    return methods_.template get<M>();
  }
  const List& methods() const { return methods_; }

  /// Lets the average begin anew at the generator as it is: call it after writing into generator() from outside, as by
  /// load_network, since the average is of what it was trained to until then. Without an average it does nothing.
  void reset_average() {
    if (average_) average_->reset(generator_);
  }

  /// The averaged generator where one is kept, else the generator: what samples are best drawn from.
  const G& sampling_generator() const { return average_ ? average_->network() : generator_; }

  /// Samples of sampling_generator() for given latents, and labels where it depends on them.
  void generate(const Images& latents, Images& samples, const LabelView& labels = {}) {
    sampling_generator().generate(context_, latents, samples, labels);
  }

  /// Replaces a player's optimiser by a fresh one.
  template <OptimizerRule Rule>
  void set_optimizer(Player player, const Rule& rule) {
    of(player).optimizer = Optimizer<Scalar, Device>(rule, of(player).gradients.count());
  }
  const Optimizer<Scalar, Device>& optimizer(Player player) const {
    return player == Player::generator ? generator_player_.optimizer : discriminator_player_.optimizer;
  }

  /// A factor on a player's learning rate, as a function of the player's updates so far: LinearDecay{…}, …. Throws what the
  /// schedule's check() throws, where it has one.
  template <class S>
    requires std::constructible_from<Schedule, S>
  void set_schedule(Player player, S schedule) {
    if constexpr (requires { schedule.check(); }) schedule.check();
    Schedule function = std::move(schedule);
    if (!function) throw Error("GanTrainer", "the schedule is an empty function", "give ConstantRate{} for a rate that stays");
    of(player).schedule = std::move(function);
  }

  /// Latents of your own, instead of independent draws from the generator's distribution.
  void set_latent_source(LatentSource source) { latent_source_ = std::move(source); }

  void set_gradient_reduction(GradientReduction reduction) { reduction_ = std::move(reduction); }

  /// visitor(name, state) for all that a run goes on from: the networks' tensors, the average's and the optimisers', what methods carry,
  /// the seed, and the numbers that are counted. Options are the program's own. See save_checkpoint.
  template <class Self, class Visitor>
  NASH_COLD static void visit_state(Self& self, Visitor&& visit) {
    const auto network = [&](const char* name, auto& of) {
      std::remove_cvref_t<decltype(of)>::visit_state(of, [&](const StateName& rest, auto& state) { visit(StateName(name, rest), state.value()); });
    };
    const auto part = [&](const char* name) { return [&visit, name](const StateName& rest, auto& state) { visit(StateName(name, rest), state); }; };
    visit("seed", self.options_.seed);
    visit("steps", self.steps_);
    network("generator", self.generator_);
    network("discriminator", self.discriminator_);
    if (self.average_) network("average", self.average_->network());
    Optimizer<Scalar, Device>::visit_state(self.generator_player_.optimizer, part("generator.optimizer"));
    Optimizer<Scalar, Device>::visit_state(self.discriminator_player_.optimizer, part("discriminator.optimizer"));
    const std::string methods = List::names();
    visit("methods", methods);
    List::visit_state(self.methods_, part("methods"));
    StepReport::visit_state(self.last_report_, part("last_report"));
  }

  /// To be called after the state was written from outside, as by load_checkpoint.
  NASH_COLD void mark_loaded() {
    generator_.mark_loaded(context_);
    discriminator_.mark_loaded(context_);
    if (average_) average_->network().mark_loaded(context_);
  }

 private:
  struct PlayerState {
    NASH_COLD PlayerState(const Adam& rule, const Shape& parameters)
        : gradients(Tensor<Scalar, Device>::zeros(parameters)), optimizer(rule, parameters.count()) {}

    Images gradients;
    Optimizer<Scalar, Device> optimizer;
    Schedule schedule = ConstantRate{};
  };

  /// What a pass draws at random, each for a purpose of its own.
  enum class Purpose : std::uint64_t { latents, generator_pass, real_pass, fake_pass };

  /// Networks that were assigned from outside may be larger than those that the player began with.
  template <class Network>
  NASH_COLD void check_size(const Network& network, const PlayerState& player) const {
    if (network.parameters().count() != player.gradients.count())
      throw ShapeError("GanTrainer", concat("a ", network.role(), " of ", player.gradients.count(), " parameters, as at the beginning"),
                       concat(network.parameters().count()), "make a new trainer for other networks");
  }

  RandomStream random() const { return RandomStream(options_.seed); }

  PlayerState& of(Player player) { return player == Player::generator ? generator_player_ : discriminator_player_; }

  NASH_COLD RandomStream stream(Player player, index_t repetition, Purpose purpose) const {
    return random().child(2 + static_cast<std::uint64_t>(player)).child(static_cast<std::uint64_t>(steps_))
        .child(static_cast<std::uint64_t>(repetition)).child(static_cast<std::uint64_t>(purpose));
  }
  /// What methods are told, with random numbers that nobody else draws.
  Update<Device> update_of(Player player, index_t repetition) {
    return {context_, player, steps_, repetition,
            random().child(4 + static_cast<std::uint64_t>(player)).child(static_cast<std::uint64_t>(steps_)).child(static_cast<std::uint64_t>(repetition)),
            labels_.view()};
  }
  Pass<Device> training_pass(Player player, index_t repetition, Purpose purpose) {
    return {.context = context_, .mode = Mode::train, .random = stream(player, repetition, purpose), .labels = labels_.view()};
  }

  /// Steps of as many samples in which the same phases run are one sequence of operations. On the host nothing is recorded.
  auto record_step(index_t samples) {
    if constexpr (requires { context_.record_sequence(std::uint64_t{}); }) {
      std::uint64_t name = static_cast<std::uint64_t>(samples);
      for (const Phase& phase : options_.phases) name = 2 * name + (phase.runs_in(steps_) ? 1 : 0);
      return context_.record_sequence(name, options_.record_steps);
    } else {
      return 0;
    }
  }

  /// A recorded step has its batch always at the same address: loaders have several.
  const Images& in_one_place(const Images& batch) {
    if constexpr (requires { context_.record_sequence(std::uint64_t{}); }) {
      if (options_.record_steps) {
        real_.resize(batch.shape());
        pointwise(context_, batch.count(), Copy<Scalar>{batch.data(), real_.data()});
        return real_;
      }
    }
    return batch;
  }

  NASH_COLD void draw_latents(const Update<Device>& told, index_t samples) {
    if (!latent_source_) {
      generator_.latent().draw(context_, stream(told.player, told.repetition, Purpose::latents), samples, latents_, labels_.view());
    } else {
      const Shape wanted{samples, generator_.latent().size()};
      latents_.resize(wanted);
      latent_source_(told.player, steps_, told.repetition, latents_);
      if (latents_.shape() != wanted)
        throw ShapeError("GanTrainer", concat("latents of the shape ", wanted, " from the latent source"), latents_.shape().text(), "fill them and leave their shape");
    }
    if constexpr (List::change_latents) methods_.run_change_latents(told, generator_, discriminator_, latents_);
  }

  NASH_COLD void clear_gradients(PlayerState& player) {
    pointwise(context_, player.gradients.count(), Fill<Scalar>{player.gradients.data(), Scalar{0}});
  }

  /// Whether the generator's update that follows a phase of this step trains on that phase's fakes.
  bool fakes_are_reused_after(const Phase& phase) const {
    if (!options_.reuse_fakes || &phase == &options_.phases.back()) return false;
    const Phase& next = *(&phase + 1);
    return next.player == Player::generator && next.runs_in(steps_);
  }

  /// The images as the discriminator sees them: themselves, or what methods made of them in `changed`.
  const Images& shown(const Update<Device>& update, ImageSource source, const Images& images, Images& changed) {
    if constexpr (!List::change_images) {
      return images;
    } else {
      changed = images;
      methods_.run_change_images(update, source, changed);
      return changed;
    }
  }

  /// The loss of a term on logits_, d_logits_ with it, as methods want it.
  template <LossTerm term>
  double term_of(const Update<Device>& update, const Images& logits, Images& d_logits)
    requires LogitLoss<L>
  {
    if constexpr (term == LossTerm::generator ? !List::weigh_fakes : !List::change_targets) {
      return evaluate_loss<term>(context_, loss_, logits, d_logits);
    } else {
      const index_t rows = logits.shape()[0];
      rows_.resize(Shape{rows});
      pointwise(context_, rows, Fill<Scalar>{rows_.data(), static_cast<Scalar>(term == LossTerm::fake ? 0 : 1)});
      LossRows<Scalar> of;
      if constexpr (term == LossTerm::generator) {
        methods_.run_weigh_fakes(update, logits, rows_);
        of.weights = rows_.data();
      } else {
        methods_.run_change_targets(update, term, rows_);
        of.targets = rows_.data();
      }
      return evaluate_loss<term>(context_, loss_, of, logits, d_logits);
    }
  }

  /// Two terms, each run forward and backward before the next where the loss takes one logit at a time, so that one tape serves
  /// both. The generator has a tape only where it will go on from these fakes, and its statistics do not move: it is not its turn.
  NASH_COLD void train_discriminator(const Images& real_batch, index_t repetition, typename G::Saved* generator_tape, StepReport& report) {
    constexpr Player player = Player::discriminator;
    const Update<Device> told = update_of(player, repetition);
    clear_gradients(discriminator_player_);
    const Images& real = shown(told, ImageSource::real, real_batch, shown_real_);
    const Pass<Device> real_pass = training_pass(player, repetition, Purpose::real_pass);
    DiscriminatorLoss loss{};
    double added = 0;
    if constexpr (LogitLoss<L>) {
      discriminator_.forward(real_pass, real, logits_, &discriminator_tape_);
      loss.real = term_of<LossTerm::real>(told, logits_, d_logits_);
      if (!discriminator_backward<LossTerm::real>(told, real_pass, loss.real, real, logits_, d_logits_, discriminator_tape_, added, report)) return;
    }

    draw_latents(told, real.shape()[0]);
    const Pass<Device> generator_pass = training_pass(player, repetition, Purpose::generator_pass);
    if constexpr (List::change_latents_backward) generator_tape = &generator_tape_;  // for the way back to them
    generator_.forward(generator_pass, latents_, fakes_, generator_tape);
    const Images& fakes = shown(told, ImageSource::generated, fakes_, shown_fakes_);
    const Pass<Device> fake_pass = training_pass(player, repetition, Purpose::fake_pass);
    if constexpr (LogitLoss<L>) {
      discriminator_.forward(fake_pass, fakes, logits_, &discriminator_tape_);
      loss.fake = term_of<LossTerm::fake>(told, logits_, d_logits_);
    } else {
      discriminator_.forward(real_pass, real, real_logits_, &real_tape_);
      discriminator_.forward(fake_pass, fakes, logits_, &discriminator_tape_);
      loss = loss_.discriminator(context_, real_logits_, logits_, d_real_logits_, d_logits_);
      if (!discriminator_backward<LossTerm::real>(told, real_pass, loss.real, real, real_logits_, d_real_logits_, real_tape_, added, report)) return;
    }
    if (!discriminator_backward<LossTerm::fake>(told, fake_pass, loss.fake, fakes, logits_, d_logits_, discriminator_tape_, added, report)) return;
    if constexpr (List::change_latents_backward) {
      if constexpr (List::change_images) methods_.run_change_images_backward(told, ImageSource::generated, d_fakes_);
      generator_.backward(generator_pass, latents_, fakes_, generator_tape_, d_fakes_, &d_latents_, nullptr);
      Gradients<Scalar, Device> gradients(discriminator_player_.gradients);
      added += methods_.run_change_latents_backward(told, generator_, discriminator_, d_latents_, gradients);
    }

    report.d_loss = loss.real + loss.fake;
    if constexpr (List::penalise) {
      Gradients<Scalar, Device> gradients(discriminator_player_.gradients);
      added += methods_.run_penalise(told, discriminator_, real, fakes, gradients);
    }
    if (!add_parameter_terms(told, discriminator_, added, report, report.d_added)) return;
    update(told, discriminator_, report, report.d_gradient_norm);
  }

  /// Backward of a term and its commit, unless its value is not finite.
  template <LossTerm term>
  NASH_COLD bool discriminator_backward(const Update<Device>& told, const Pass<Device>& pass, double value, const Images& images, const Images& logits,
                              Images& d_logits, typename D::Saved& tape, double& added, StepReport& report) {
    if (!std::isfinite(value)) {
      if (term == LossTerm::fake && !all_finite(images)) {  // the generator's pass once more, now with a tape, tells where
        generator_.forward(training_pass(told.player, told.repetition, Purpose::generator_pass), latents_, fakes_, &generator_tape_);
        fail(report, told.player, "loss", first_bad_place(generator_, latents_, "the latents", fakes_, generator_tape_));
      } else {
        fail(report, told.player, "loss", first_bad_place(discriminator_, images, "the real batch", logits, tape));
      }
      return false;
    }
    (term == LossTerm::real ? report.d_real : report.d_fake) = mean_probability(context_, logits);
    if constexpr (List::add_to_loss) added += methods_.run_add_to_loss(told, term, logits, d_logits);
    if constexpr (List::recover && term == LossTerm::fake) added += methods_.run_recover(told, latents_, logits, d_logits);
    Gradients<Scalar, Device> gradients(discriminator_player_.gradients);
    Images* const d_images = List::change_latents_backward && term == LossTerm::fake ? &d_fakes_ : nullptr;
    discriminator_.backward(pass, images, logits, tape, d_logits, d_images, &gradients);
    discriminator_.commit(context_, tape);
    return true;
  }

  NASH_COLD void train_generator(const Images& real_batch, index_t repetition, index_t discriminator_updates, StepReport& report) {
    constexpr Player player = Player::generator;
    const Update<Device> told = update_of(player, repetition);
    const bool reuse = options_.reuse_fakes;  // the latents, fakes and tape of the discriminator's last update
    clear_gradients(generator_player_);
    const Pass<Device> own_pass = reuse ? training_pass(Player::discriminator, discriminator_updates - 1, Purpose::generator_pass)
                                        : training_pass(player, repetition, Purpose::generator_pass);
    const Pass<Device> other_pass = training_pass(player, repetition, Purpose::fake_pass);
    if (!reuse) {
      draw_latents(told, real_batch.shape()[0]);
      generator_.forward(own_pass, latents_, fakes_, &generator_tape_);
    }
    const Images& fakes = shown(told, ImageSource::generated, fakes_, shown_fakes_);
    discriminator_.forward(other_pass, fakes, logits_, &discriminator_tape_);
    const Images* real = &real_batch;
    if constexpr (List::match || PairLoss<L>) real = &shown(told, ImageSource::real, real_batch, shown_real_);
    double value = 0, added = 0;
    if constexpr (LogitLoss<L>) {
      value = term_of<LossTerm::generator>(told, logits_, d_logits_);
    } else {
      discriminator_.forward(training_pass(player, repetition, Purpose::real_pass), *real, real_logits_, nullptr);
      value = loss_.generator(context_, real_logits_, logits_, d_logits_);
    }
    if (!std::isfinite(value)) {
      const std::string origin = all_finite(fakes)
                                     ? first_bad_place(discriminator_, fakes, "", logits_, discriminator_tape_)
                                     : first_bad_place(generator_, latents_, "the latents", fakes_, generator_tape_);
      return fail(report, player, "loss", origin);
    }
    report.g_loss = value;
    if constexpr (List::add_to_loss) added += methods_.run_add_to_loss(told, LossTerm::generator, logits_, d_logits_);
    if constexpr (List::recover) added += methods_.run_recover(told, latents_, logits_, d_logits_);
    discriminator_.backward(other_pass, fakes, logits_, discriminator_tape_, d_logits_, &d_fakes_, nullptr);
    if constexpr (List::match) added += methods_.run_match(told, discriminator_, *real, fakes, d_fakes_);
    if constexpr (List::change_images) methods_.run_change_images_backward(told, ImageSource::generated, d_fakes_);
    Gradients<Scalar, Device> gradients(generator_player_.gradients);
    generator_.backward(own_pass, latents_, fakes_, generator_tape_, d_fakes_, List::change_latents_backward ? &d_latents_ : nullptr, &gradients);
    if constexpr (List::change_latents_backward)
      added += methods_.run_change_latents_backward(told, generator_, discriminator_, d_latents_, gradients);
    if (!add_parameter_terms(told, generator_, added, report, report.g_added)) return;
    if (!update(told, generator_, report, report.g_gradient_norm)) return;
    generator_.commit(context_, generator_tape_);
    if (average_) average_->update(context_, generator_);
  }

  /// The methods' terms of the parameters, and what all of a player's methods added into the report, unless it is not finite.
  template <class Network>
  NASH_COLD bool add_parameter_terms(const Update<Device>& told, const Network& network, double added, StepReport& report, std::optional<double>& to) {
    if constexpr (List::template adds_terms<Network>) {
      if constexpr (List::template add_parameter_term<Network>)
        added += methods_.run_add_parameter_term(told, network, of(told.player).gradients);
      if (!std::isfinite(added)) {
        const std::string parameter = first_bad_parameter(network);
        fail(report, told.player, "methods' term", parameter.empty() ? "that term" : concat("parameter ", parameter, " of ", network.role()));
        return false;
      }
      to = added;
    }
    return true;
  }

  /// Applies a player's gradients, unless they are not finite.
  template <class Network>
  NASH_COLD bool update(const Update<Device>& told, Network& network, StepReport& report, std::optional<double>& norm) {
    const Player player = told.player;
    PlayerState& state = of(player);
    if (reduction_) reduction_(player, state.gradients);
    if (state.gradients.count() != network.parameters().count())
      throw ShapeError("GanTrainer", concat(network.parameters().count(), " gradients from the reduction"), concat(state.gradients.count()),
                       "change their values and leave their shape");
    norm = std::sqrt(sum(context_, state.gradients.count(), Square<Scalar>{state.gradients.data()}));
    if (!std::isfinite(*norm)) {
      const std::string name = first_bad_gradient(network, state.gradients);
      fail(report, player, name.empty() ? "gradient norm" : "gradient of " + name, name.empty() ? "their sum" : concat(name, " of ", network.role()));
      return false;
    }
    state.optimizer.step(context_, network.parameters(), state.gradients, state.schedule(state.optimizer.steps()));
    methods_.run_after_update(told, network);
    network.refresh(context_);
    return true;
  }

  NASH_COLD void fail(StepReport& report, Player player, std::string what, std::string origin) {
    report.non_finite = NonFinite{steps_, player, std::move(what), std::move(origin)};
    if (options_.on_non_finite == OnNonFinite::raise)
      throw NumericError("GanTrainer", report.non_finite->text(), "lower the learning rates, check the data, or report instead (OnNonFinite)");
  }

  TrainerOptions options_;
  L loss_;
  Context<Device> context_;
  G generator_;
  D discriminator_;
  Shape sample_shape_;
  PlayerState generator_player_, discriminator_player_;
  std::optional<Ema<G>> average_;
  LatentSource latent_source_;
  GradientReduction reduction_;
  index_t steps_ = 0;
  List methods_;
  StepReport last_report_;  // for methods
  StepLabels<Device> labels_;

  Images real_, latents_, fakes_, logits_, d_logits_, d_fakes_;  // real_ only where steps are recorded
  Images d_latents_;                           // where methods change latents
  Images shown_real_, shown_fakes_, rows_;     // where methods change images, targets or weights
  Images real_logits_, d_real_logits_;         // where the loss compares both sides
  typename G::Saved generator_tape_;
  typename D::Saved discriminator_tape_, real_tape_;
};

// Both constructors fit, for clang; this one is preferred to what it makes of them.
template <class G, class D, Loss L>
GanTrainer(G, D, L) -> GanTrainer<G, D, L>;

}  // namespace nash
