// SPDX-License-Identifier: Apache-2.0
#include "method/methods.hpp"
#include "nash/nash.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

using Images = Tensor<float, StandIn>;

/// A critic of separate samples that is curved, with spectral norm or without.
template <bool spectral>
auto critic() {
  Sequential body{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU{0.2}, Dense{4 * 4 * 4, 5}, Tanh{}, Dense{5, 4}};
  if constexpr (spectral) {
    return Discriminator{spectral_normalise(std::move(body))}.template to<float, StandIn>();
  } else {
    return Discriminator{std::move(body)}.template to<float, StandIn>();
  }
}

/// A generator that shows codes: of two categories and one number.
auto coded_generator() {
  return Generator{Latent::normal(3).with_category(2).with_continuous(1),
                   Sequential{Dense{6, 4 * 4 * 4}, Reshape{4, 4, 4}, BatchNorm{4}, ReLU{}, ConvTranspose2d{4, 1, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}}};
}

Dataset labelled_images() {
  std::vector<std::uint8_t> pixels(7 * 64);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 41 % 256);
  return Dataset("images", {7, 8, 8, 1}, pixels, labels_in_turn(7, 3));
}

/// All that a step reports and leaves: numbers of the report, networks, average, optimisers, and what methods carry.
template <class Trainer>
void add_all(std::vector<double>& numbers, const Trainer& trainer, const StepReport& report) {
  for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_added, report.g_added, report.d_gradient_norm, report.g_gradient_norm})
    numbers.push_back(value.value_or(-1));
  Trainer::visit_state(trainer, [&]<class State>(const StateName&, const State& state) {
    if constexpr (requires { state.to_host(); }) {
      const auto own = state.to_host();
      numbers.insert(numbers.end(), own.begin(), own.end());
    } else if constexpr (std::is_arithmetic_v<State> || std::is_same_v<State, Probability>) {
      numbers.push_back(static_cast<double>(state));
    }
  });
}

/// What a run of twelve steps reports and leaves, two of which have a batch that is not finite, and how many graphs and waits steady steps were.
struct Run {
  std::vector<double> numbers;
  index_t graphs = 0, waits = 0, queued = 0, built = 0;
};

template <bool spectral, class L, class... Methods>
Run run(bool record, const L& loss, std::vector<Phase> phases, const Methods&... methods) {
  constexpr bool has_codes = (std::is_same_v<Methods, Infogan> || ...);
  const auto generator = [] {
    if constexpr (has_codes) return coded_generator();
    else return small_generator();
  };
  GanTrainer trainer{generator().template to<float, StandIn>(), critic<spectral>(), loss,
                     {.seed = 5, .phases = std::move(phases), .record_steps = record, .average_decay = 0.7, .on_non_finite = OnNonFinite::report}, methods...};
  const std::vector<std::int32_t> labels{2, 0, 1, 1, 0};
  const auto step = [&](const Images& images) {
    const bool wants_labels = (std::is_same_v<Methods, AuxiliaryClassifier> || ...);
    return wants_labels ? trainer.step(images, labels, 3) : trainer.step(images);
  };
  Run result;
  for (int i = 0; i < 12; ++i) {
    const bool broken = i == 6 || i == 9;
    const StepReport report = step(broken ? Images::filled({5, 8, 8, 1}, std::nanf("")) : random_images<float, StandIn>({5, 8, 8, 1}, static_cast<std::uint64_t>(i)));
    CHECK(report.non_finite.has_value() == broken);
    add_all(result.numbers, trainer, report);
  }
  const std::vector<Images> batches(2, random_images<float, StandIn>({5, 8, 8, 1}, 77));
  (void)step(batches[0]), (void)step(batches[1]), (void)step(batches[0]);
  (void)stand_in::take_counts();
  for (int i = 0; i < 6; ++i) (void)step(batches[static_cast<std::size_t>(i) % 2]);
  const stand_in::Counts counts = stand_in::take_counts();
  result.graphs = counts.graphs_launched, result.waits = counts.waits, result.queued = counts.queued, result.built = counts.graphs_built;
  return result;
}

/// Steady steps are one graph and one wait, and give what steps give that run operation by operation.
template <bool spectral = false, class L = Hinge, class... Methods>
void check_one_graph(const std::string& name, const L& loss, const std::vector<Phase>& phases, const Methods&... methods) {
  CAPTURE(name);
  const Run recorded = run<spectral>(true, loss, phases, methods...), direct = run<spectral>(false, loss, phases, methods...);
  CHECK(same_bits(recorded.numbers, direct.numbers));
  CHECK(recorded.graphs == 6);
  CHECK(recorded.waits == 6);
  CHECK(recorded.queued == ((std::is_same_v<Methods, AuxiliaryClassifier> || ...) ? 6 : 0));  // labels come from the host, one copy a step
  CHECK(recorded.built == 0);
  CHECK(direct.graphs == 0);
  CHECK(direct.waits > 18);
}

const std::vector<Phase> turns{{Player::discriminator}, {Player::generator}};

}  // namespace

TEST_CASE("a step of WGAN-GP is one graph on a GPU, of the critic alone or of both players, with spectral norm too") {
  check_one_graph("WGAN-GP, the critic alone", Wasserstein{}, {{Player::discriminator}}, GradientPenalty{10});
  check_one_graph("WGAN-GP, three to one", Wasserstein{}, n_critic_phases(3), GradientPenalty{10});
  check_one_graph("WGAN-GP, repeated", Wasserstein{}, {{.player = Player::discriminator, .repeat = 2}, {Player::generator}}, GradientPenalty{10});
  check_one_graph<true>("WGAN-GP with spectral norm", Wasserstein{}, turns, GradientPenalty{10});
}

TEST_CASE("a step with any method that runs ahead is one graph on a GPU") {
  check_one_graph("WGAN", Wasserstein{}, n_critic_phases(2), WeightClip{0.05});
  check_one_graph("R1 and R2", Hinge{}, turns, R1{1}, R2{0.5});
  check_one_graph("DRAGAN", NonSaturating{}, turns, Dragan{1});
  check_one_graph("targets", NonSaturating{}, turns, LabelSmoothing{0.8, 1}, LabelFlips{0.1});
  check_one_graph("images", Hinge{}, turns, InstanceNoise{0.1}, DiffAugment{});
  check_one_graph("AC-GAN", Hinge{}, turns, AuxiliaryClassifier{1, {.classes = 3}});
  check_one_graph("parameters", Hinge{}, turns, HistoricalAveraging{0.1});
  check_one_graph("TopK", Hinge{}, turns, TopK{{.least = 0.5, .decay = 0.5, .every = 1}});
  check_one_graph("phases", Hinge{}, turns, BalancedSteps{1});
}

TEST_CASE("so is one with a term of several sums, with second derivatives by latents, or with passes of its own") {
  check_one_graph("filters", Hinge{}, turns, OrthogonalRegularisation{0.1});
  check_one_graph("the critic's filters", Hinge{}, turns, OrthogonalRegularisation{0.1, Player::discriminator});
  check_one_graph("features", Hinge{}, turns, FeatureMatching{1});
  check_one_graph("InfoGAN", NonSaturating{}, turns, Infogan{1, {.continuous_weight = 0.5}});
  check_one_graph("labelled samples", Hinge{}, turns, SemiSupervised{labelled_images(), 1, {.batch_size = 4}});
  check_one_graph("LOGAN", Hinge{}, turns, Logan{0.5, {.regularisation = 0.1}});
}

TEST_CASE("and one with a method that carries tensors, or counts what the host looks at between steps") {
  const std::vector<Phase> twice{{.player = Player::discriminator, .repeat = 2}, {Player::generator}};
  check_one_graph("LeCam", Hinge{}, turns, LeCam{0.3, {.decay = 0.5, .begin = 3}});
  check_one_graph("LeCam, repeated", Hinge{}, twice, LeCam{0.3, {.decay = 0.5, .begin = 1}});
  check_one_graph("past fakes", Hinge{}, turns, ReplayPool{12});
  check_one_graph("past fakes, repeated", Hinge{}, twice, ReplayPool{12}, DiffAugment{});
  check_one_graph("ADA", Hinge{}, turns, AdaptiveAugmentation{{.target = 0.1, .interval = 2, .images = 30, .probability = 0.5}});
  check_one_graph("ADA of all maps, repeated", Hinge{}, twice,
                  AdaptiveAugmentation{{.target = 0.1, .interval = 3, .images = 400, .probability = 0.5}, PixelBlit{}, GeometricWarp{}, ColourChange{}, BandFilter{}, Corruption{}});
}

TEST_CASE("each kind of step is a graph where kinds take turns, as with lazy penalties and phases that are left out") {
  check_one_graph("lazy R1", Hinge{}, turns, R1{1, 3});
  check_one_graph("lazy R1 and R2", Hinge{}, turns, R1{1, 3}, R2{1, 2});
  check_one_graph("a discriminator that waits", Hinge{}, turns, BalancedSteps{0});
}

/// RelativisticAverage, for all that its users know.
struct PairOfUsers : RelativisticAverage<> {
  PairOfUsers() {}
  static constexpr bool runs_ahead = false;
};

TEST_CASE("a step with a loss that compares both batches is one graph on a GPU, if the loss runs ahead") {
  check_one_graph("RaSGAN", RelativisticAverage{}, turns);
  check_one_graph("RaHingeGAN, two to one", RelativisticAverage{Hinge{}}, n_critic_phases(2));
  check_one_graph<true>("RaLSGAN with spectral norm", RelativisticAverage{LeastSquares{-1, 1}}, turns);
  check_one_graph("RaSGAN with methods", RelativisticAverage{}, {{.player = Player::discriminator, .repeat = 2}, {Player::generator}}, R1{1}, DiffAugment{}, LeCam{0.3, {.begin = 1}});
  CHECK(run<false>(true, PairOfUsers{}, turns).graphs > 6);
}

struct Constant {
  double value;
  NASH_HOST_DEVICE double operator()(index_t) const { return value; }
};

/// Adds what is no number in some steps, in one of a player's updates there: after all that other methods do before an update.
struct Breaks {
  static constexpr bool runs_ahead = true;
  Player player;
  index_t repetition;
  template <class Device, class Network, class T>
  double add_parameter_term(const Update<Device>& update, const Network&, Tensor<T, Device>&) const {
    const bool breaks = update.player == player && update.repetition == repetition && (update.step == 5 || update.step == 6 || update.step == 9);
    return sum(update.context, 3, Constant{breaks ? std::nan("") : 1.0});
  }
};

template <class L, class... Methods>
void check_failures(const std::string& name, const L& loss, const Methods&... methods) {
  CAPTURE(name);
  for (const Breaks& breaks : {Breaks{Player::discriminator, 0}, Breaks{Player::discriminator, 1}, Breaks{Player::generator, 0}}) {
    CAPTURE(breaks.repetition);
    const auto outcome = [&](bool record) {
      GanTrainer trainer{small_generator().to<float, StandIn>(), critic<false>(), loss,
                         {.seed = 5, .phases = {{.player = Player::discriminator, .repeat = 2}, {Player::generator}}, .record_steps = record, .on_non_finite = OnNonFinite::report},
                         methods..., breaks};
      std::vector<double> numbers;
      for (int step = 1; step <= 12; ++step) {
        const StepReport report = trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
        CHECK(report.non_finite.has_value() == (step == 5 || step == 6 || step == 9));
        add_all(numbers, trainer, report);
      }
      return numbers;
    };
    CHECK(same_bits(outcome(true), outcome(false)));
  }
}

TEST_CASE("what methods carry after an update that came to nothing is what it is in a step that runs operation by operation") {
  check_failures("lazy R1", Hinge{}, R1{1, 3});
  check_failures("LeCam", Hinge{}, LeCam{0.3, {.decay = 0.5, .begin = 1}});
  check_failures("past fakes", Hinge{}, ReplayPool{12});
  check_failures("ADA", Hinge{}, AdaptiveAugmentation{{.target = 0.1, .interval = 3, .images = 30, .probability = 0.5}, PixelBlit{}});
  check_failures("all of them, with a loss of both batches", RelativisticAverage{}, ReplayPool{12}, LeCam{0.3, {.begin = 1}}, HistoricalAveraging{0.1});
}

/// Adds 6 to a player's loss, and in step 7 what is no number; counts its updates.
struct BreaksInStepSeven {
  static constexpr bool runs_ahead = true;
  Player player;
  index_t updates = 0;
  Probability share{};  // of updates in a hundred
  template <class Device, class Network, class T>
  double add_parameter_term(const Update<Device>& update, const Network&, Tensor<T, Device>&) {
    ++updates, share.value += 0.01;
    return update.player != player ? 0.5 : 2 * sum(update.context, 3, Constant{update.step == 7 ? std::nan("") : 1.0});
  }
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("updates", self.updates);
    visit("share", self.share);
  }
};

TEST_CASE("a method's term that is not finite ends a recorded step where it ends any other, in either player's update") {
  for (const Player player : {Player::discriminator, Player::generator}) {
    const auto outcome = [player](bool record) {
      GanTrainer trainer{small_generator().to<float, StandIn>(), critic<false>(), Hinge{},
                         {.seed = 5, .record_steps = record, .on_non_finite = OnNonFinite::report}, BreaksInStepSeven{player}};
      std::vector<double> numbers;
      for (int step = 1; step <= 9; ++step) {
        const StepReport report = trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
        CHECK(report.non_finite.has_value() == (step == 7));
        if (report.non_finite) CHECK(report.non_finite->text().find("methods' term is not finite") != std::string::npos);
        if (step != 7) CHECK((player == Player::discriminator ? report.d_added : report.g_added) == 6);
        for (const auto& value : {report.d_loss, report.g_loss, report.d_added, report.g_added, report.d_gradient_norm, report.g_gradient_norm})
          numbers.push_back(value.value_or(-1));
        const auto state = state_values(trainer.discriminator());
        numbers.insert(numbers.end(), state.begin(), state.end());
        numbers.push_back(static_cast<double>(trainer.method<BreaksInStepSeven>().updates));
        numbers.push_back(trainer.method<BreaksInStepSeven>().share);
      }
      return numbers;
    };
    CHECK(same_bits(outcome(true), outcome(false)));
  }
}

/// A method that says that it runs ahead, and takes two sums for its term.
struct TakesTwoSums {
  static constexpr bool runs_ahead = true;
  template <class T, class Device>
  double add_to_loss(const Update<Device>& update, LossTerm, const Tensor<T, Device>& logits, Tensor<T, Device>&) const {
    return sum(update.context, logits.count(), Square<T>{logits.data()}) + sum(update.context, logits.count(), Square<T>{logits.data()});
  }
};

TEST_CASE("a method that runs ahead and takes several sums for a term is refused") {
  GanTrainer trainer{small_generator().to<float, StandIn>(), critic<false>(), Hinge{}, TakesTwoSums{}};
  const Images images = random_images<float, StandIn>({5, 8, 8, 1});
  (void)trainer.step(images);
  CHECK(message_of<Error>([&] { (void)trainer.step(images); }) ==
        "GanTrainer: expected a term of at most one sum from a method that runs ahead, got one of 2.\n"
        "Make one of them by WeightedSums, or leave runs_ahead out of the method.");
}

/// Says that it runs ahead, and has the host read a sum more than it may.
struct ReadsOneMore : RelativisticAverage<> {
  ReadsOneMore() {}
  template <class T, class Device>
  double generator(Context<Device>& context, const Tensor<T, Device>& real, const Tensor<T, Device>& fake, Tensor<T, Device>& d_fake) const {
    return RelativisticAverage<>::generator(context, real, fake, d_fake) + sum(context, fake.count(), Square<T>{fake.data()});
  }
};

TEST_CASE("a loss that runs ahead and takes several sums for a value is refused") {
  GanTrainer trainer{small_generator().to<float, StandIn>(), critic<false>(), ReadsOneMore{}};
  const Images images = random_images<float, StandIn>({5, 8, 8, 1});
  (void)trainer.step(images);
  CHECK(message_of<Error>([&] { (void)trainer.step(images); }) ==
        "GanTrainer: expected one sum for each value of a loss that runs ahead, 1, got 2.\n"
        "Make one of several by WeightedSums, or leave runs_ahead out of the loss.");
}

/// Sums logits and images, before and after a term of its own, and adds up at the end of each step what it has by then.
struct Counts {
  static constexpr bool runs_ahead = true;
  double squares = 0, last = 0, steps = 0;
  template <class T, class Device>
  double add_to_loss(const Update<Device>& update, LossTerm, const Tensor<T, Device>& logits, Tensor<T, Device>&) {
    sum_later(update, logits.count(), Square<T>{logits.data()}, squares);
    const double term = 0.5 * sum(update.context, logits.count(), Value<T>{logits.data()});
    sum_later(update, logits.count(), Value<T>{logits.data()}, last);
    return term;
  }
  template <class T, class Device>
  void change_images(const Update<Device>& update, ImageSource, Tensor<T, Device>& images) {
    sum_later(update, images.count(), Square<T>{images.data()}, squares);
  }
  void after_step(index_t, const StepReport&) { steps += squares; }
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("squares", self.squares), visit("last", self.last), visit("steps", self.steps);
  }
};

TEST_CASE("sums that are counted later are there after each step, beside the term of the same hook") {
  check_one_graph("sums", Hinge{}, turns, Counts{});
  check_failures("sums", Hinge{}, Counts{});
}

/// A method that does not run ahead.
struct LooksAtOnce {
  template <class T, class Device>
  double add_to_loss(const Update<Device>& update, LossTerm, const Tensor<T, Device>& logits, Tensor<T, Device>&) const {
    return sum(update.context, logits.count(), Square<T>{logits.data()}) > 1 ? 1 : 0;
  }
};

TEST_CASE("a step with methods that are chosen at run time is one graph where all of them run ahead") {
  using Any = AnyMethod<decltype(small_generator().to<float, StandIn>()), decltype(critic<false>())>;
  check_one_graph("a list", Hinge{}, turns, std::vector<Any>{R1{1}, LeCam{0.3, {.begin = 1}}, InstanceNoise{0.1}, LabelSmoothing{0.9}, TopK{{.decay = 0.8, .every = 1}}});
  const Run known = run<false>(true, Hinge{}, turns, R1{1}, LabelFlips{0.1}), chosen = run<false>(true, Hinge{}, turns, std::vector<Any>{R1{1}, LabelFlips{0.1}});
  CHECK(same_bits(known.numbers, chosen.numbers));
  const Run waits = run<false>(true, Hinge{}, turns, std::vector<Any>{R1{1}, LooksAtOnce{}});
  CHECK(waits.waits > 6);
  CHECK(same_bits(waits.numbers, run<false>(false, Hinge{}, turns, std::vector<Any>{R1{1}, LooksAtOnce{}}).numbers));
}
