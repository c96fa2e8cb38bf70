// SPDX-License-Identifier: Apache-2.0
#include "nash/train/gan_trainer.hpp"

#include "nash/loss/minimax.hpp"
#include "nash/optim/sgd.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

const std::vector<Phase> only_discriminator{{Player::discriminator}}, only_generator{{Player::generator}};

/// What a trainer's two seams saw: each player's gradients and latents at its last update.
template <class Trainer>
struct Record {
  using T = typename Trainer::Scalar;

  explicit Record(Trainer& trainer) {
    trainer.set_gradient_reduction([this](Player player, Tensor<T>& g) {
      gradients[static_cast<std::size_t>(player)] = g.to_host();
      places[static_cast<std::size_t>(player)] = &g;
    });
    trainer.set_latent_source([this](Player player, index_t step, index_t repetition, Tensor<T>& z) {
      Latent::normal(z.shape()[1])
          .draw(context, RandomStream(99).child(static_cast<std::uint64_t>(step)).child(static_cast<std::uint64_t>(2 * repetition) + (player == Player::generator)),
                z.shape()[0], z);
      latents[static_cast<std::size_t>(player)] = z;
      if (at_beginning_of) at_beginning_of(player);
    });
  }

  const std::vector<T>& gradients_of(Player player) const { return gradients[static_cast<std::size_t>(player)]; }
  const Tensor<T>& latents_of(Player player) const { return latents[static_cast<std::size_t>(player)]; }
  const Tensor<T>& place_of(Player player) const { return *places[static_cast<std::size_t>(player)]; }

  Context<Cpu> context{1};
  std::array<std::vector<T>, 2> gradients;
  std::array<Tensor<T>, 2> latents;
  std::array<const Tensor<T>*, 2> places{};
  std::function<void(Player)> at_beginning_of;
};

/// The means and unbiased variances of each channel.
struct Statistics {
  std::vector<double> mean, variance;

  explicit Statistics(const Tensor<double>& x) {
    const index_t channels = x.shape().channels(), rows = x.shape().rows();
    for (index_t c = 0; c < channels; ++c) {
      double total = 0, squares = 0;
      for (index_t row = 0; row < rows; ++row) total += x[row * channels + c];
      const double m = total / static_cast<double>(rows);
      for (index_t row = 0; row < rows; ++row) squares += (x[row * channels + c] - m) * (x[row * channels + c] - m);
      mean.push_back(m);
      variance.push_back(squares / static_cast<double>(rows - 1));
    }
  }
};

/// Running means, then running variances, after a batch.
std::vector<double> moved(const std::vector<double>& running, double momentum, const Statistics& batch) {
  std::vector<double> result;
  const std::size_t channels = batch.mean.size();
  for (std::size_t i = 0; i < running.size(); ++i)
    result.push_back((1 - momentum) * running[i] + momentum * (i < channels ? batch.mean[i] : batch.variance[i - channels]));
  return result;
}

/// A layer in the middle that notes what its backward passes are asked for.
struct Witness : Identity<double> {
  struct Seen {
    int passes = 0, with_dx = 0, with_gradients = 0;
  };
  explicit Witness(Seen& s) : seen(&s) {}
  void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved& saved, const Tensor<double>& dy,
                Tensor<double>* dx, Gradients<double, Cpu>* grads) const {
    ++seen->passes;
    seen->with_dx += dx != nullptr;
    seen->with_gradients += grads != nullptr;
    Identity<double>::backward(pass, x, y, saved, dy, dx, grads);
  }
  Seen* seen;
};

/// A layer whose parameters have gradients in some passes alone.
struct Sometimes : Dense<double> {
  Sometimes(index_t size, const bool& a) : Dense<double>{size, size}, active(&a) {}
  void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved& saved, const Tensor<double>& dy,
                Tensor<double>* dx, Gradients<double, Cpu>* grads) const {
    Dense<double>::backward(pass, x, y, saved, dy, dx, *active ? grads : nullptr);
  }
  const bool* active;
};

template <class Trainer>
using G_of = std::remove_cvref_t<decltype(std::declval<Trainer&>().generator())>;

}  // namespace

TEST_CASE("the gradients of D(real) and D(fake), accumulated, are those of one batch of both") {
  const index_t samples = 5;
  GanTrainer trainer{small_generator<double>(), plain_discriminator(), NonSaturating{}, {.seed = 3, .phases = only_discriminator}};
  Record record(trainer);
  trainer.step(random_images<double>({samples, 8, 8, 1}, 2));  // whose gradients must be gone
  const auto before = trainer.discriminator();
  const auto real = random_images<double>({samples, 8, 8, 1});
  const StepReport report = trainer.step(real);

  Context<Cpu> context(1);
  Tensor<double> fakes, logits, d_logits;
  trainer.generator().forward({context, Mode::train}, record.latents_of(Player::discriminator), fakes, nullptr);
  std::vector<double> both = real.to_host();
  both.insert(both.end(), fakes.begin(), fakes.end());
  const Tensor<double> images({2 * samples, 8, 8, 1}, both);
  typename std::decay_t<decltype(before)>::Saved saved;
  const Pass<Cpu> pass{context, Mode::train};
  before.forward(pass, images, logits, &saved);
  d_logits.resize(logits.shape());
  double loss = 0;
  for (index_t i = 0; i < 2 * samples; ++i) {
    const LossValue value = i < samples ? NonSaturating{}.real(logits[i]) : NonSaturating{}.fake(logits[i]);
    loss += value.value / samples;
    d_logits[i] = value.slope / samples;
  }
  auto flat = Tensor<double>::zeros(before.parameters().shape());
  Gradients<double, Cpu> gradients(flat);
  before.backward(pass, images, logits, saved, d_logits, nullptr, &gradients);

  CHECK(relative_difference(record.gradients_of(Player::discriminator), flat.to_host()) < 1e-13);
  CHECK(*report.d_loss == doctest::Approx(loss).epsilon(1e-13));
  double squares = 0;
  for (const double g : flat) squares += g * g;
  CHECK(*report.d_gradient_norm == doctest::Approx(std::sqrt(squares)).epsilon(1e-12));
}

TEST_CASE("gradients that no pass of an update has touched are zero, and not those of the last one") {
  bool active = true;
  GanTrainer trainer{small_generator<double>(), Discriminator{Sequential{Flatten<double>{}, Dense<double>{64, 5}, Sometimes{5, active}, Dense<double>{5, 1}}},
                     NonSaturating{}, {.seed = 3, .phases = only_discriminator}};
  Record record(trainer);
  const auto untouched = [&] {
    trainer.step(random_images<double>({4, 8, 8, 1}));
    const std::vector<double>& all = record.gradients_of(Player::discriminator);
    const auto begin = all.begin() + 64 * 5 + 5, end = begin + 5 * 5 + 5;  // of the layer in the middle
    CHECK(std::count(all.begin(), begin, 0.0) + std::count(end, all.end(), 0.0) == 0);
    return std::count(begin, end, 0.0);
  };
  CHECK(untouched() == 0);
  active = false;
  CHECK(untouched() == 30);
  active = true;
  CHECK(untouched() == 0);
}

TEST_CASE("the generator's gradients are those of its loss, by differences") {
  GanTrainer trainer{small_generator<double>(), plain_discriminator(), Minimax{}, {.seed = 3, .phases = only_generator}};
  Record record(trainer);
  trainer.step(random_images<double>({4, 8, 8, 1}, 2));  // whose gradients must be gone
  auto before = trainer.generator();
  const auto d = trainer.discriminator();
  const StepReport report = trainer.step(random_images<double>({4, 8, 8, 1}));

  Context<Cpu> context(1);
  Tensor<double> fakes, logits, ignored;
  const auto loss = [&] {
    before.forward({context, Mode::train}, record.latents_of(Player::generator), fakes, nullptr);
    d.forward({context, Mode::train}, fakes, logits, nullptr);
    return evaluate_loss<LossTerm::generator>(context, Minimax{}, logits, ignored);
  };
  CHECK(*report.g_loss == doctest::Approx(loss()).epsilon(1e-13));
  const auto& gradients = record.gradients_of(Player::generator);
  double largest = 0;
  for (const double g : gradients) largest = std::max(largest, std::abs(g));
  for (index_t i = 0; i < before.parameters().count(); i += 7) {
    double& theta = before.parameters()[i];
    const double kept = theta, h = 1e-6;
    theta = kept + h;
    const double above = loss();
    theta = kept - h;
    const double below = loss();
    theta = kept;
    CAPTURE(i);
    CHECK(std::abs((above - below) / (2 * h) - gradients[static_cast<std::size_t>(i)]) < 1e-6 * largest);
  }
}

TEST_CASE("the generator's phase leaves the discriminator as it is, gradients and running statistics included") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 1}};
  Record record(trainer);
  std::vector<float> state, gradients;
  record.at_beginning_of = [&](Player player) {
    if (player == Player::discriminator) return;
    state = state_values(trainer.discriminator());
    gradients = record.place_of(Player::discriminator).to_host();
  };
  for (int step = 0; step < 3; ++step) {
    trainer.step(random_images({4, 8, 8, 1}));
    CHECK(same_bits(record.place_of(Player::discriminator).to_host(), gradients));
    CHECK(same_bits(state_values(trainer.discriminator()), state));
  }

  GanTrainer alone{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 1, .phases = only_generator}};
  const auto before = state_values(alone.discriminator()), own = state_values(alone.generator());
  for (int step = 0; step < 3; ++step) alone.step(random_images({4, 8, 8, 1}));
  CHECK(same_bits(state_values(alone.discriminator()), before));
  CHECK_FALSE(same_bits(state_values(alone.generator()), own));
  CHECK(alone.optimizer(Player::discriminator).steps() == 0);
}

TEST_CASE("the discriminator's phase leaves the generator as it is, running statistics included") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 1, .phases = only_discriminator}};
  const auto before = state_values(trainer.generator()), own = state_values(trainer.discriminator());
  for (int step = 0; step < 3; ++step) trainer.step(random_images({4, 8, 8, 1}));
  CHECK(same_bits(state_values(trainer.generator()), before));
  CHECK_FALSE(same_bits(state_values(trainer.discriminator()), own));
  CHECK(trainer.optimizer(Player::generator).steps() == 0);
}

TEST_CASE("each phase asks for the gradients that it needs and no others") {
  Witness::Seen of_generator, of_discriminator;
  const auto run = [&](const std::vector<Phase>& phases) {
    Generator g{Latent::normal(6), Sequential{Dense<double>{6, 64}, Witness(of_generator), Tanh<double>{}, Reshape<double>{8, 8, 1}}};
    Discriminator d{Sequential{Dense<double>{64, 4}, Witness(of_discriminator), Dense<double>{4, 1}}};
    GanTrainer trainer{std::move(g), std::move(d), NonSaturating{}, {.phases = phases}};
    of_generator = of_discriminator = {};
    trainer.step(random_images<double>({3, 8, 8, 1}));
  };
  run(only_discriminator);  // two terms, and nothing of the generator
  CHECK(of_discriminator.passes == 2);
  CHECK(of_discriminator.with_gradients == 2);
  CHECK(of_generator.passes == 0);
  run(only_generator);  // through the discriminator without its gradients
  CHECK(of_discriminator.passes == 1);
  CHECK(of_discriminator.with_dx == 1);
  CHECK(of_discriminator.with_gradients == 0);
  CHECK(of_generator.passes == 1);
  CHECK(of_generator.with_gradients == 1);
}

TEST_CASE("the discriminator commits its real pass, then its fake pass") {
  // BatchNorm as the first layer sees the images themselves.
  Discriminator d{Sequential{BatchNorm<double>{1, {.momentum = 0.3}}, Dense<double>{64, 1}}};
  GanTrainer trainer{small_generator<double>(), std::move(d), NonSaturating{}, {.seed = 3}};
  Record record(trainer);
  std::vector<double> expected{0, 1};
  Context<Cpu> context(1);
  for (int step = 0; step < 3; ++step) {
    const auto real = random_images<double>({4, 8, 8, 1}, static_cast<std::uint64_t>(step));
    const auto g = trainer.generator();
    trainer.step(real);
    Tensor<double> fakes;
    g.forward({context, Mode::train}, record.latents_of(Player::discriminator), fakes, nullptr);
    expected = moved(moved(expected, 0.3, Statistics(real)), 0.3, Statistics(fakes));
    CHECK(relative_difference(buffer_values(trainer.discriminator()), expected) < 1e-13);
  }
}

TEST_CASE("the generator commits the pass of its own phase alone") {
  Generator g{Latent::normal(6), Sequential{BatchNorm<double>{6, {.momentum = 0.3}}, Dense<double>{6, 64}, Tanh<double>{}, Reshape<double>{8, 8, 1}}};
  GanTrainer trainer{std::move(g), small_discriminator<double>(), NonSaturating{}, {.seed = 3}};
  Record record(trainer);
  std::vector<double> expected(12, 0);
  std::fill(expected.begin() + 6, expected.end(), 1);
  for (int step = 0; step < 3; ++step) {
    trainer.step(random_images<double>({5, 8, 8, 1}));
    expected = moved(expected, 0.3, Statistics(record.latents_of(Player::generator)));
    CHECK(relative_difference(buffer_values(trainer.generator()), expected) < 1e-13);
  }
}

TEST_CASE("options: each player has its own learning rate") {
  const auto largest_move = [](const auto& before, const auto& after) {
    double largest = 0;
    for (index_t i = 0; i < before.count(); ++i) largest = std::max(largest, std::abs(before[i] - after[i]));
    return largest;
  };
  GanTrainer trainer{small_generator<double>(), small_discriminator<double>(), NonSaturating{},
                     {.generator = {.learning_rate = 1e-3}, .discriminator = {.learning_rate = 1e-2}}};
  const auto g = trainer.generator().parameters(), d = trainer.discriminator().parameters();
  trainer.step(random_images<double>({4, 8, 8, 1}));
  // Adam's first step is rate·g / (|g| + ε).
  CHECK(largest_move(g, trainer.generator().parameters()) == doctest::Approx(1e-3).epsilon(1e-4));
  CHECK(largest_move(d, trainer.discriminator().parameters()) == doctest::Approx(1e-2).epsilon(1e-4));
  CHECK(trainer.optimizer(Player::generator).learning_rate() == 1e-3);
  CHECK(trainer.optimizer(Player::discriminator).learning_rate() == 1e-2);
}

TEST_CASE("set_optimizer, set_schedule and set_gradient_reduction: the rate and the gradients are those that were asked for") {
  GanTrainer trainer{small_generator<double>(), small_discriminator<double>(), NonSaturating{}, {.seed = 3}};
  trainer.set_optimizer(Player::discriminator, Sgd{.learning_rate = 0.5, .momentum = 0});
  trainer.set_optimizer(Player::generator, Sgd{.learning_rate = 0.25, .momentum = 0});
  std::vector<index_t> asked;
  trainer.set_schedule(Player::discriminator, [&](index_t update) {
    asked.push_back(update);
    return 1.0 / static_cast<double>(1 + update);
  });
  std::vector<double> d_gradients, g_gradients;
  trainer.set_gradient_reduction([&](Player player, Tensor<double>& gradients) {
    for (double& g : gradients) g *= 3;
    (player == Player::discriminator ? d_gradients : g_gradients) = gradients.to_host();
  });
  for (int step = 0; step < 4; ++step) {
    auto d = trainer.discriminator().parameters().to_host(), g = trainer.generator().parameters().to_host();
    const StepReport report = trainer.step(random_images<double>({4, 8, 8, 1}));
    double squares = 0;
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= 0.5 / (1 + step) * d_gradients[i], squares += d_gradients[i] * d_gradients[i];
    for (std::size_t i = 0; i < g.size(); ++i) g[i] -= 0.25 * g_gradients[i];
    CHECK(relative_difference(trainer.discriminator().parameters().to_host(), d) < 1e-15);
    CHECK(relative_difference(trainer.generator().parameters().to_host(), g) < 1e-15);
    CHECK(*report.d_gradient_norm == doctest::Approx(std::sqrt(squares)).epsilon(1e-12));  // what was applied, not what came
  }
  CHECK(asked == std::vector<index_t>{0, 1, 2, 3});

  trainer.set_optimizer(Player::discriminator, Sgd{});  // a fresh one
  CHECK(trainer.optimizer(Player::discriminator).steps() == 0);
  CHECK(trainer.optimizer(Player::generator).steps() == 4);
}

TEST_CASE("set_latent_source: both players' latents, step and repetition told") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.phases = {{Player::discriminator}, {.player = Player::generator, .repeat = 2}}}};
  std::string calls;
  trainer.set_latent_source([&](Player player, index_t step, index_t repetition, Tensor<float>& z) {
    CHECK(z.shape() == Shape{3, 6});
    std::fill(z.begin(), z.end(), static_cast<float>(repetition));
    calls += concat({name_of(player)[0] == 'd' ? "d" : "g", step, repetition, " "});
  });
  trainer.step(random_images({3, 8, 8, 1}));
  trainer.step(random_images({3, 8, 8, 1}));
  CHECK(calls == "d10 g10 g11 d20 g20 g21 ");
}

TEST_CASE("what a latent source or a reduction makes of another shape is refused, and so is a network of another size") {
  const auto message = [](auto&& change) {
    GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}};
    return message_of<ShapeError>([&] {
      change(trainer);
      trainer.step(random_images({4, 8, 8, 1}));
    });
  };
  CHECK(message([](auto& trainer) { trainer.set_latent_source([](Player, index_t, index_t, Tensor<float>& z) { z.resize({3, 4}); }); })
            .find("latents of the shape 4×6 from the latent source, got 3×4") != std::string::npos);
  CHECK(message([](auto& trainer) { trainer.set_gradient_reduction([](Player, Tensor<float>& gradients) { gradients.resize({3}); }); })
            .find("gradients from the reduction, got 3") != std::string::npos);
  CHECK(message([](auto& trainer) { trainer.generator() = small_generator(8); })
            .starts_with("GanTrainer: expected a Generator of "));
  CHECK(message([](auto& trainer) { trainer.discriminator() = small_discriminator(8); })
            .starts_with("GanTrainer: expected a Discriminator of "));
}

TEST_CASE("latents are fresh for every update, in a step whose phases name a player twice too") {
  // A constant generator (learning rate 0) shows its latents in what the discriminator is told of the fakes.
  const auto fakes_of = [](const std::vector<Phase>& phases, int steps) {
    Generator g{Latent::normal(64), Sequential{Reshape<double>{8, 8, 1}, Dense<double>{64, 64}, Reshape<double>{8, 8, 1}}};
    GanTrainer trainer{std::move(g), plain_discriminator(), NonSaturating{},
                       {.generator = {.learning_rate = 0}, .discriminator = {.learning_rate = 0}, .phases = phases}};
    std::vector<std::vector<double>> gradients;
    trainer.set_gradient_reduction([&](Player, Tensor<double>& g_) { gradients.push_back(g_.to_host()); });
    for (int step = 0; step < steps; ++step) trainer.step(random_images<double>({3, 8, 8, 1}));
    return gradients;
  };
  const auto all_different = [](const std::vector<std::vector<double>>& lists) {
    for (std::size_t i = 0; i < lists.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (lists[i] == lists[j]) return false;
    return true;
  };
  for (const Player player : {Player::discriminator, Player::generator}) {
    CHECK(all_different(fakes_of({{.player = player, .repeat = 3}}, 2)));
    CHECK(all_different(fakes_of({{player}, {player}}, 2)));
    CHECK(fakes_of({{player}, {player}}, 2) == fakes_of({{.player = player, .repeat = 2}}, 2));
  }
}

TEST_CASE("reuse_fakes: the generator is updated as on the same latents without it") {
  using Trainer = decltype(GanTrainer{small_generator(), small_discriminator(), NonSaturating{}});
  const auto run = [](const std::vector<Phase>& phases, bool reuse) {
    Trainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .phases = phases, .reuse_fakes = reuse}};
    Context<Cpu> context(1);
    Tensor<float> last;
    trainer.set_latent_source([&](Player player, index_t step, index_t repetition, Tensor<float>& z) {
      if (player == Player::generator) {
        CHECK_FALSE(reuse);  // it has the discriminator's
        z = last;
        return;
      }
      Latent::normal(6).draw(context, RandomStream(99).child(static_cast<std::uint64_t>(10 * step + repetition)), z.shape()[0], z);
      last = z;
    });
    std::vector<std::vector<float>> seen;
    trainer.set_gradient_reduction([&](Player, Tensor<float>& gradients) { seen.push_back(gradients.to_host()); });
    for (std::uint64_t step = 0; step < 4; ++step) trainer.step(random_images({4, 8, 8, 1}, step));
    seen.push_back(state_values(trainer.generator()));
    seen.push_back(state_values(trainer.discriminator()));
    return seen;
  };
  const auto same = [&](const std::vector<Phase>& phases) {
    const auto with = run(phases, true), without = run(phases, false);
    REQUIRE(with.size() == without.size());
    for (std::size_t i = 0; i < with.size(); ++i) CHECK(same_bits(with[i], without[i]));
  };
  same({{Player::discriminator}, {Player::generator}});
  same({{.player = Player::discriminator, .repeat = 2}, {.player = Player::generator, .every = 2}});
  same({{Player::discriminator}, {Player::generator}, {Player::discriminator}, {Player::generator}});
}

TEST_CASE("reuse_fakes: the gradients are those of the loss by differences, with the masks of the pass that made the fakes") {
  Generator g{Latent::normal(6), Sequential{Dense<double>{6, 64}, Tanh<double>{}, Dropout<double>{0.4}, Dense<double>{64, 64}, Reshape<double>{8, 8, 1}}};
  g.initialise(5);
  const auto real = random_images<double>({4, 8, 8, 1});
  std::vector<double> gradients;
  const auto loss = [&](const auto& network) {
    GanTrainer trainer{network, plain_discriminator(), NonSaturating{},
                       {.seed = 3, .discriminator = {.learning_rate = 0}, .phases = {{.player = Player::discriminator, .repeat = 2}, {Player::generator}}, .reuse_fakes = true}};
    trainer.set_gradient_reduction([&](Player player, Tensor<double>& seen) {
      if (player == Player::generator) gradients = seen.to_host();
    });
    return *trainer.step(real).g_loss;
  };
  (void)loss(g);
  const std::vector<double> expected = gradients;
  const double h = 1e-6, largest = std::abs(*std::max_element(expected.begin(), expected.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  for (index_t i = 0; i < g.parameters().count(); i += 137) {
    double& theta = g.parameters()[i];
    const double kept = theta;
    theta = kept + h;
    const double above = loss(g);
    theta = kept - h;
    const double below = loss(g);
    theta = kept;
    CAPTURE(i);
    CHECK(std::abs((above - below) / (2 * h) - expected[static_cast<std::size_t>(i)]) < 1e-6 * largest);
  }
}

TEST_CASE("reuse_fakes: the generator's statistics move in its own phase alone, by the fakes that both players saw") {
  Generator g{Latent::normal(6), Sequential{BatchNorm<double>{6, {.momentum = 0.3}}, Dense<double>{6, 64}, Tanh<double>{}, Reshape<double>{8, 8, 1}}};
  const std::vector<Phase> phases{{.player = Player::discriminator, .repeat = 2}, {.player = Player::generator, .every = 2}};
  GanTrainer trainer{std::move(g), small_discriminator<double>(), NonSaturating{}, {.seed = 3, .phases = phases, .reuse_fakes = true}};
  Record record(trainer);
  std::vector<double> expected(12, 0);
  std::fill(expected.begin() + 6, expected.end(), 1);
  trainer.set_gradient_reduction([&](Player, Tensor<double>&) { CHECK(same_bits(buffer_values(trainer.generator()), expected)); });
  for (int step = 1; step <= 4; ++step) {
    trainer.step(random_images<double>({5, 8, 8, 1}));
    if (step % 2 == 0) {
      CHECK(relative_difference(buffer_values(trainer.generator()), moved(expected, 0.3, Statistics(record.latents_of(Player::discriminator)))) < 1e-13);
      expected = buffer_values(trainer.generator());
    } else {
      CHECK(same_bits(buffer_values(trainer.generator()), expected));
    }
  }
  CHECK(record.latents_of(Player::generator).empty());
}

TEST_CASE("reuse_fakes: a generator whose fakes are not finite is found as without it") {
  const auto found = [](bool reuse) {
    auto g = small_generator();
    g.initialise(1);
    poison(g, "0.weight", std::nan(""));
    GanTrainer trainer{std::move(g), small_discriminator(), NonSaturating{}, {.reuse_fakes = reuse, .on_non_finite = OnNonFinite::report}};
    return trainer.step(random_images({4, 8, 8, 1})).non_finite->text();
  };
  CHECK(found(true) == found(false));
  CHECK(found(true).find("'0.weight' of Generator") != std::string::npos);
}

TEST_CASE("average_decay: the average is that of parameters and running statistics, computed by hand") {
  GanTrainer trainer{small_generator<double>(), small_discriminator<double>(), NonSaturating{},
                     {.seed = 3, .phases = {{Player::discriminator}, {.player = Player::generator, .every = 2}}, .average_decay = 0.8}};
  auto expected = state_values(trainer.generator());
  CHECK(same_bits(state_values(trainer.sampling_generator()), expected));
  for (int step = 1; step <= 6; ++step) {
    trainer.step(random_images<double>({4, 8, 8, 1}));
    const auto now = state_values(trainer.generator());
    if (step % 2 == 0)
      for (std::size_t i = 0; i < now.size(); ++i) expected[i] = 0.8 * expected[i] + 0.2 * now[i];
    CHECK(relative_difference(state_values(trainer.sampling_generator()), expected) < 1e-14);
  }
  CHECK(&trainer.sampling_generator() != &trainer.generator());

  GanTrainer without{small_generator(), small_discriminator(), NonSaturating{}};
  CHECK(&without.sampling_generator() == &without.generator());
}

TEST_CASE("reset_average: the average begins anew at the generator, as after loading one") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .average_decay = 0.9}};
  trainer.step(random_images({4, 8, 8, 1}));
  const G_of<decltype(trainer)>& sampled = trainer.sampling_generator();
  trainer.generator().initialise(77);  // or load_network(…)
  CHECK_FALSE(same_bits(state_values(sampled), state_values(trainer.generator())));
  trainer.reset_average();
  CHECK(same_bits(state_values(sampled), state_values(trainer.generator())));
  trainer.step(random_images({4, 8, 8, 1}));
  CHECK_FALSE(same_bits(state_values(sampled), state_values(trainer.generator())));

  GanTrainer without{small_generator(), small_discriminator(), NonSaturating{}};
  without.reset_average();  // there is none
  CHECK(&without.sampling_generator() == &without.generator());
}

TEST_CASE("averaging does not change the training") {
  GanTrainer with{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .average_decay = 0.9}};
  GanTrainer without{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3}};
  for (int step = 0; step < 3; ++step) {
    with.step(random_images({4, 8, 8, 1}));
    without.step(random_images({4, 8, 8, 1}));
  }
  CHECK(same_bits(state_values(with.generator()), state_values(without.generator())));
  CHECK(same_bits(state_values(with.discriminator()), state_values(without.discriminator())));
}

TEST_CASE("generate: a sample depends on its own latent alone, and on the averaged network") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .average_decay = 0.5}};
  for (int step = 0; step < 3; ++step) trainer.step(random_images({4, 8, 8, 1}));
  Tensor<float> latents = random_images({3, 6}, 7), samples, others, one;
  trainer.generate(latents, samples);
  CHECK(samples.shape() == Shape{3, 8, 8, 1});
  for (index_t i = 0; i < 6; ++i) latents[i] = latents[12 + i] = 5;  // all but row 1
  trainer.generate(latents, others);
  const Tensor<float> latent({1, 6}, std::vector<float>(latents.begin() + 6, latents.begin() + 12));
  trainer.generate(latent, one);
  for (index_t i = 0; i < 64; ++i) {
    CHECK(others[64 + i] == samples[64 + i]);
    CHECK(one[i] == doctest::Approx(samples[64 + i]).epsilon(1e-5));
  }
  CHECK(others[0] != samples[0]);

  Tensor<float> averaged;
  trainer.sampling_generator().generate(trainer.context(), latent, averaged);
  CHECK(averaged.to_host() == one.to_host());
  trainer.generator().generate(trainer.context(), latent, averaged);
  CHECK(averaged.to_host() != one.to_host());
}

TEST_CASE("a trainer takes batches, any number of samples, and networks that are ready") {
  struct Mine {
    Tensor<float> images;
    int something_else;
  };
  auto g = small_generator();
  g.initialise(5);
  const auto state = state_values(g);
  GanTrainer trainer{std::move(g), small_discriminator(), NonSaturating{}, {.seed = 3}};
  CHECK(same_bits(state_values(trainer.generator()), state));
  CHECK(trainer.discriminator().is_ready());
  CHECK(trainer.step(Mine{random_images({4, 8, 8, 1}), 0}).step == 1);
  for (const index_t samples : {2, 9, 3}) CHECK(std::isfinite(*trainer.step(random_images({samples, 8, 8, 1})).g_loss));
  CHECK(trainer.steps() == 4);
  auto elsewhere = std::move(trainer);
  CHECK(elsewhere.step(random_images({4, 8, 8, 1})).step == 5);
}

TEST_CASE("what a trainer refuses, and says") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}};
  const auto message = [&](const Shape& shape) { return message_of<ShapeError>([&] { trainer.step(Tensor<float>::zeros(shape)); }); };
  const auto expected = [](std::string_view got) {
    return concat({"GanTrainer: expected real images of the generator's shape, N×8×8×1, got ", got, ".\nChange the generator's last layers or the data."});
  };
  CHECK(message({4, 8, 8, 3}) == expected("4×8×8×3"));
  CHECK(message({4, 28, 28, 1}) == expected("4×28×28×1"));
  CHECK(message({4, 64}) == expected("4×64"));
  CHECK(message({0, 8, 8, 1}) == expected("0×8×8×1"));
  CHECK(message({}) == expected("scalar"));

  const auto one_sample = [] {
    Discriminator d{Sequential{Dense{64, 3}, BatchNorm{3}, Dense{3, 1}}};
    GanTrainer{small_generator(), std::move(d), NonSaturating{}}.step(Tensor<float>::zeros({1, 8, 8, 1}));
  };
  CHECK(message_of<ShapeError>(one_sample) ==
        "BatchNorm (layer 1 of Discriminator): expected at least two values a channel in training, got 1 (input 1×3).\n"
        "Use a batch of at least 2, or inference mode.");

  CHECK(message_of<ShapeError>([] { GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, {.generator = {.learning_rate = -1}}); }) ==
        "Adam: expected a learning rate from 0 to below 1e+06, got -1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([] { GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, {.average_decay = 1}); }) ==
        "Ema: expected a decay from 0 to below 1, got 1.\nCorrect the option.");
  CHECK_THROWS_AS(trainer.set_optimizer(Player::generator, Sgd{.momentum = 1}), ShapeError);
}

TEST_CASE("a step that was refused before any update was none: phases, latents and numbers go on as if it had not been") {
  const std::vector<Phase> phases{{Player::discriminator}, {.player = Player::generator, .every = 2}};
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .phases = phases}};
  GanTrainer undisturbed{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .phases = phases}};
  bool refuse = false;
  trainer.set_gradient_reduction([&](Player, Tensor<float>&) {
    if (refuse) throw std::runtime_error("the other processes are gone");
  });
  for (int step = 1; step <= 3; ++step) {
    CHECK_THROWS_AS(trainer.step(Tensor<float>::zeros({4, 8, 8, 3})), ShapeError);
    CHECK(trainer.step(random_images({4, 8, 8, 1})).step == step);
    undisturbed.step(random_images({4, 8, 8, 1}));
  }
  // BatchNorm finds out in the middle of the step; nobody was updated yet.
  Discriminator d{Sequential{Dense{64, 3}, BatchNorm{3}, Dense{3, 1}}}, same = d;
  GanTrainer normalised{small_generator(), std::move(d), NonSaturating{}, {.seed = 3, .phases = phases}};
  GanTrainer normalised_undisturbed{small_generator(), std::move(same), NonSaturating{}, {.seed = 3, .phases = phases}};
  for (int step = 1; step <= 3; ++step) {
    CHECK_THROWS_AS(normalised.step(Tensor<float>::zeros({1, 8, 8, 1})), ShapeError);
    CHECK(normalised.steps() == step - 1);
    CHECK(normalised.step(random_images({4, 8, 8, 1})).step == step);
    normalised_undisturbed.step(random_images({4, 8, 8, 1}));
  }
  CHECK(same_bits(state_values(normalised.generator()), state_values(normalised_undisturbed.generator())));
  CHECK(same_bits(state_values(normalised.discriminator()), state_values(normalised_undisturbed.discriminator())));
  CHECK(same_bits(state_values(trainer.generator()), state_values(undisturbed.generator())));

  refuse = true;
  CHECK_THROWS_AS(trainer.step(random_images({4, 8, 8, 1})), std::runtime_error);
  CHECK(trainer.steps() == 3);
}

TEST_CASE("a step that fails after an update counts, so that no update is made twice with the same latents") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3}};
  trainer.set_gradient_reduction([](Player player, Tensor<float>&) {
    if (player == Player::generator) throw std::runtime_error("the other processes are gone");
  });
  CHECK_THROWS_AS(trainer.step(random_images({4, 8, 8, 1})), std::runtime_error);
  CHECK(trainer.optimizer(Player::discriminator).steps() == 1);
  CHECK(trainer.steps() == 1);
}

TEST_CASE("set_schedule refuses a schedule of nash that makes no sense, at once") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}};
  CHECK(message_of<ShapeError>([&] { trainer.set_schedule(Player::generator, LinearDecay{.begin = 500, .end = 1000, .final_factor = -3}); })
            .starts_with("LinearDecay: expected a finite final factor of at least 0, got -3."));
  CHECK_THROWS_AS(trainer.set_schedule(Player::generator, ExponentialDecay{.factor = 0}), ShapeError);
  CHECK(message_of<Error>([&] { trainer.set_schedule(Player::generator, Schedule{}); }).find("the schedule is an empty function") != std::string::npos);
  trainer.set_schedule(Player::generator, [](index_t) { return 0.5; });
  const Schedule schedule = ConstantRate{};
  trainer.set_schedule(Player::discriminator, schedule);
  trainer.step(random_images({4, 8, 8, 1}));
}

TEST_CASE("networks that do not fit are refused before any training") {
  const auto message = [](auto g, auto d) { return message_of<ShapeError>([&] { GanTrainer(std::move(g), std::move(d), NonSaturating{}); }); };
  CHECK(message(small_generator(), Discriminator{Sequential{Dense{784, 1}}}) ==
        "Dense (layer 0 of Discriminator): expected N×784 inputs, got 1×8×8×1.\nBuild Dense{64, 1} or change the layer before it.");
  CHECK(message(small_generator(), Discriminator{Sequential{Conv2d{1, 1}}}) ==
        "Discriminator: expected a body that gives N×(1+C) logits, got 1×6×6×1 for samples of 1×8×8×1.\nEnd it with Dense{…, 1}.");
  CHECK(message(small_generator(), Discriminator{Sequential{ReLU{}, Conv2d{3, 1}}}).starts_with("Conv2d (layer 1 of Discriminator): expected N×H×W×3 images"));
  CHECK(message_of<ShapeError>([] { Generator{Latent::normal(5), Sequential{ReLU{}, Dense{6, 4}}}; }) ==
        "Dense (layer 1 of Generator): expected N×6 inputs, got 2×5.\nBuild Dense{5, 4} or change the layer before it.");
}
