// SPDX-License-Identifier: Apache-2.0
#include "method/methods.hpp"
#include "nash/method/balanced_steps.hpp"
#include "nash/method/diff_augment.hpp"
#include "nash/method/dragan.hpp"
#include "nash/method/gradient_penalty.hpp"
#include "nash/method/historical_averaging.hpp"
#include "nash/method/instance_noise.hpp"
#include "nash/method/lecam.hpp"
#include "nash/method/orthogonal_regularisation.hpp"
#include "nash/method/r1.hpp"
#include "nash/method/replay_pool.hpp"
#include "nash/method/top_k.hpp"

using namespace nash;

namespace {

Update<Cpu> update_at(Context<Cpu>& context, index_t step) { return {context, Player::generator, step, 0, RandomStream(3)}; }

std::vector<float> run(auto... methods) {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4}, methods...};
  return state_after(trainer, 3, {6, 8, 8, 1});
}

/// The same with a critic that treats each sample by itself, as penalties want it.
std::vector<float> run_penalised(auto... methods) {
  GanTrainer trainer{small_generator(), plain_discriminator<float>(), NonSaturating{}, {.seed = 4}, methods...};
  return state_after(trainer, 3, {6, 8, 8, 1});
}

constexpr AugmentationOptions identity_augment{.brightness = 0, .saturation = 0, .contrast = 0, .translation = 0, .cutout = 0};

}  // namespace

TEST_CASE("each trick at its zero changes no bit, and above it does") {
  const auto plain = run();
  CHECK(same_bits(run(TopK{{.least = 1}}), plain));
  CHECK(same_bits(run(InstanceNoise{0}), plain));
  CHECK(same_bits(run(LeCam{0}), plain));
  CHECK(same_bits(run(OrthogonalRegularisation{0}), plain));
  CHECK(same_bits(run(HistoricalAveraging{0}), plain));
  CHECK(same_bits(run(DiffAugment{identity_augment}), plain));
  CHECK(same_bits(run(BalancedSteps{1}), plain));
  CHECK_FALSE(same_bits(run(TopK{{.decay = 0.5, .every = 1}}), plain));
  CHECK_FALSE(same_bits(run(InstanceNoise{0.1}), plain));
  CHECK_FALSE(same_bits(run(LeCam{1, {.begin = 1}}), plain));
  CHECK_FALSE(same_bits(run(OrthogonalRegularisation{1}), plain));
  CHECK_FALSE(same_bits(run(HistoricalAveraging{1}), plain));
  CHECK_FALSE(same_bits(run(DiffAugment{}), plain));
  CHECK_FALSE(same_bits(run(BalancedSteps{0}), plain));
}

TEST_CASE("each penalty at its zero changes no bit, and above it does") {
  const auto plain = run_penalised();
  CHECK(same_bits(run_penalised(GradientPenalty{0}), plain));
  CHECK_FALSE(same_bits(run_penalised(GradientPenalty{1}), plain));
  CHECK(same_bits(run_penalised(R1{0}, R2{0}, Dragan{0}), plain));
  CHECK_FALSE(same_bits(run_penalised(R1{1}, R2{0}, Dragan{0}), plain));
  CHECK_FALSE(same_bits(run_penalised(R1{0}, R2{1}, Dragan{0}), plain));
  CHECK_FALSE(same_bits(run_penalised(R1{0}, R2{0}, Dragan{1}), plain));
}

TEST_CASE("TopK keeps the k largest logits, of equal ones the first, and averages over them") {
  Context<Cpu> context(1);
  const TopK method{{.least = 0.5, .decay = 0.1, .every = 10}};
  const Tensor<float> logits({6, 2}, std::vector<float>{1, 99, 3, 0, 3, 0, -2, 99, 0, 99, 3, 0});
  auto weights = Tensor<float>::filled(Shape{6}, 1);
  method.weigh_fakes(update_at(context, 10), logits, weights);
  CHECK(weights.to_host() == std::vector<float>(6, 1));
  method.weigh_fakes(update_at(context, 11), logits, weights);
  CHECK(weights.to_host() == std::vector<float>{0, 2, 2, 0, 0, 2});
  CHECK(TopK{}.kept(1, 64) == 64);
  CHECK(TopK{}.kept(1001, 64) == 63);
  CHECK(TopK{}.kept(1000000, 64) == 32);
  CHECK(TopK{{.least = 0.01}}.kept(1000000, 8) == 1);
}

TEST_CASE("InstanceNoise has its deviation, another for each source, and falls to 0") {
  const InstanceNoise noise{0.5, 100};
  CHECK(noise.deviation(1) == 0.5);
  CHECK(noise.deviation(51) == 0.25);
  CHECK(noise.deviation(101) == 0);
  CHECK(noise.deviation(1000) == 0);
  CHECK(InstanceNoise{0.5}.deviation(1000) == 0.5);
  Context<Cpu> context(1);
  auto real = Tensor<float>::filled({10001}, 3), fake = real;
  noise.change_images(update_at(context, 51), ImageSource::real, real);
  noise.change_images(update_at(context, 51), ImageSource::generated, fake);
  double mean = 0, square = 0;
  for (const float value : real) mean += static_cast<double>(value) / 10001;
  for (const float value : real) square += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean) / 10001;
  CHECK(std::abs(mean - 3) < 0.01);
  CHECK(std::abs(std::sqrt(square) - 0.25) < 0.008);
  CHECK(real.to_host() != fake.to_host());
}

TEST_CASE("LeCam: squared distances beyond the other side's moving average, with its gradient") {
  Context<Cpu> context(1);
  auto critic = curved_critic();
  LeCam::Work<decltype(tiny_generator()), decltype(critic)> method(LeCam{0.5, {.decay = 0.75, .begin = 2}}, tiny_generator(), critic);
  const auto call = [&](index_t step, LossTerm term, const std::vector<double>& logits, std::vector<double> d) {
    Tensor<double> d_logits({static_cast<index_t>(logits.size()), 1}, d);
    const double value = method.add_to_loss(Update<Cpu>{context, Player::discriminator, step, 0, {}}, term,
                                            Tensor<double>(d_logits.shape(), logits), d_logits);
    return std::pair{value, d_logits.to_host()};
  };
  using Values = std::vector<double>;
  CHECK(call(1, LossTerm::real, {2, 4}, {7, 7}) == std::pair{0.0, Values{7, 7}});
  CHECK(call(1, LossTerm::fake, {-1, -3}, {7, 7}) == std::pair{0.0, Values{7, 7}});
  // an update that came to nothing moves no average
  CHECK(call(1, LossTerm::real, {2, 6}, {7, 7}) == std::pair{0.0, Values{7, 7}});
  CHECK(call(1, LossTerm::fake, {-1, -3}, {7, 7}) == std::pair{0.0, Values{7, 7}});
  CHECK(call(1, LossTerm::real, {2, 4}, {7, 7}) == std::pair{0.0, Values{7, 7}});
  method.after_update(Update<Cpu>{context, Player::discriminator, 1, 0, {}}, critic);
  // averages: real 3, fake −2; then real 0.75·3 + 0.25·1 = 2.5
  const auto real = call(2, LossTerm::real, {5, -3}, {1, 1});
  CHECK(real.first == doctest::Approx(0.5 * 49.0 / 2).epsilon(1e-14));
  CHECK(real.second == Values{1 + 0.5 * 2 * 7 / 2, 1});
  const auto fake = call(2, LossTerm::fake, {1, 4}, {0, 0});
  CHECK(fake.first == doctest::Approx(0.5 * 1.5 * 1.5 / 2).epsilon(1e-14));
  CHECK(fake.second == Values{-0.5 * 2 * 1.5 / 2, 0});
  method.after_update(Update<Cpu>{context, Player::discriminator, 2, 0, {}}, critic);
  std::string state;
  decltype(method)::visit_state(method, [&]<class State>(const StateName& name, const State& value) {
    if constexpr (requires { value.to_host(); }) state += concat({name.text(), "=", value.to_host().at(0), " "});
    else state += concat({name.text(), "=", value, " "});
  });
  CHECK(state == "real.average=2.5 fake.average=-0.875 updates=2 ");
}

TEST_CASE("OrthogonalRegularisation's gradient is that of its value, by differences") {
  check_penalty(curved_critic(), OrthogonalRegularisation{0.5, Player::discriminator});
  // (1, 2) and (3, 4): inner product 11, counted twice
  Discriminator d{Sequential{Dense<double>{2, 2}, Dense<double>{2, 1}}};
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{1, 2, 3, 4, 0, 0, 1, 1, 0});
  GanTrainer trainer{Generator{Latent::normal(2), Sequential{Dense<double>{2, 2}}}, d, NoLoss{}, {.phases = {{Player::discriminator}}},
                     OrthogonalRegularisation{0.5, Player::discriminator}};
  CHECK(*trainer.step(Tensor<double>::zeros({3, 2})).d_added == doctest::Approx(0.5 * 2 * 121).epsilon(1e-14));
}

TEST_CASE("OrthogonalRegularisation is the same where there are many more filters than each has numbers") {
  // (1, 2), (3, 4), (−1, 5) and (0, 0): inner products 11, 9 and 17
  Discriminator d{Sequential{Dense<double>{2, 4, {.bias = false}}, Dense<double>{4, 1}}};
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{1, 2, 3, 4, -1, 5, 0, 0, 1, 1, 1, 1, 0});
  Context<Cpu> context(1);
  auto gradients = Tensor<double>::zeros({13});
  const Update<Cpu> update{context, Player::discriminator, 1, 0, {}};
  CHECK(OrthogonalRegularisation{0.5, Player::discriminator}.add_parameter_term(update, d, gradients) ==
        doctest::Approx(0.5 * 2 * (121 + 81 + 289)).epsilon(1e-13));
  const std::vector<double> expected{2 * (11 * 3 - 9), 2 * (11 * 4 + 9 * 5), 2 * (11 * 1 - 17), 2 * (11 * 2 + 17 * 5), 2 * (9 * 1 + 17 * 3), 2 * (9 * 2 + 17 * 4),
                                     0, 0, 0, 0, 0, 0, 0};
  for (index_t i = 0; i < 13; ++i) CHECK(gradients[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-13));
  // In float as well: 24 filters of 8 numbers, by both ways.
  const auto in_float = random_images({24, 8}, 5);
  Discriminator many{Sequential{Dense{8, 24, {.bias = false}}}};
  Discriminator few{Sequential{ConvTranspose2d{8, 24, {.kernel = 1, .bias = false}}}};  // filters as columns
  many.initialise(1), few.initialise(1);
  std::vector<float> columns(8 * 24);
  for (std::size_t row = 0; row < 24; ++row)
    for (std::size_t i = 0; i < 8; ++i) columns[i * 24 + row] = in_float.data()[row * 8 + i];
  many.parameters().assign_from_host(in_float.to_host()), few.parameters().assign_from_host(columns);
  auto of_many = Tensor<float>::zeros({8 * 24}), of_few = Tensor<float>::zeros({8 * 24});
  const OrthogonalRegularisation pull{0.5, Player::discriminator};
  CHECK(pull.add_parameter_term(update, many, of_many) == doctest::Approx(pull.add_parameter_term(update, few, of_few)).epsilon(1e-5));
  for (index_t row = 0; row < 24; ++row)
    for (index_t i = 0; i < 8; ++i) CHECK(of_many[row * 8 + i] == doctest::Approx(of_few[i * 24 + row]).epsilon(1e-4));
}

namespace {

/// A table of which nobody says what its outputs are.
struct TableWithoutOutputs {
  Parameter<double, Cpu> table{Shape{2, 2}, Init::ones(), {.rows = 0}};
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("table", self.table);
  }
};

}  // namespace

TEST_CASE("OrthogonalRegularisation leaves parameters without outputs alone") {
  Context<Cpu> context(1);
  auto gradients = Tensor<double>::zeros({4});
  const Update<Cpu> update{context, Player::discriminator, 1, 0, {}};
  CHECK(OrthogonalRegularisation{0.5, Player::discriminator}.add_parameter_term(update, TableWithoutOutputs{}, gradients) == 0);
  CHECK(gradients.to_host() == std::vector<double>(4));
}

TEST_CASE("OrthogonalRegularisation pulls apart what each output of a transposed convolution is made of, for single pixels too") {
  // The inputs' rows are (1, 2) and (3, 4); the outputs' columns (1, 3) and (2, 4): inner product 14.
  Discriminator d{Sequential{ConvTranspose2d<double>{2, 2, {.kernel = 1, .bias = false}}}};
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{1, 2, 3, 4});
  Context<Cpu> context(1);
  auto gradients = Tensor<double>::zeros({4});
  const Update<Cpu> update{context, Player::discriminator, 1, 0, {}};
  CHECK(OrthogonalRegularisation{0.5, Player::discriminator}.add_parameter_term(update, d, gradients) == doctest::Approx(0.5 * 2 * 196).epsilon(1e-14));
  // 4·β·(⟨c₁, c₂⟩·c₂, ⟨c₁, c₂⟩·c₁) in I×O
  CHECK(gradients.to_host() == std::vector<double>{28 * 2, 28 * 1, 28 * 4, 28 * 3});
}

TEST_CASE("HistoricalAveraging pulls to the mean of all parameters so far, and keeps its means") {
  Discriminator d{Sequential{Dense<double>{2, 1}}};
  d.initialise(1);
  GanTrainer trainer{Generator{Latent::normal(2), Sequential{Dense<double>{2, 2}}}, d, Wasserstein{}, {.phases = {{Player::discriminator}}},
                     HistoricalAveraging{0.5}};
  std::vector<std::vector<double>> past;
  for (int step = 0; step < 4; ++step) {
    const auto now = trainer.discriminator().parameters().to_host();
    double expected = 0;
    if (!past.empty())
      for (std::size_t i = 0; i < now.size(); ++i) {
        double mean = 0;
        for (const auto& theta : past) mean += theta[i] / static_cast<double>(past.size());
        expected += 0.5 * (now[i] - mean) * (now[i] - mean);
      }
    const StepReport report = trainer.step(random_images<double>({3, 2}, static_cast<std::uint64_t>(step)));
    CHECK(*report.d_added == doctest::Approx(expected).epsilon(1e-9));
    past.push_back(trainer.discriminator().parameters().to_host());
  }
  std::string names;
  std::remove_cvref_t<decltype(trainer.methods())>::visit_state(trainer.methods(), [&](const StateName& name, const auto&) { names += name.text() + " "; });
  CHECK(names == "0.generator.mean 0.generator.updates 0.discriminator.mean 0.discriminator.updates ");
  GanTrainer pulled{Generator{Latent::normal(2), Sequential{Dense<double>{2, 2}}}, d, NoLoss{}, {.phases = {{Player::discriminator}}}, HistoricalAveraging{0.5}};
  std::vector<double> gradients;
  pulled.set_gradient_reduction([&](Player, Tensor<double>& g) { gradients = g.to_host(); });
  pulled.step(random_images<double>({3, 2}));
  for (index_t i = 0; i < 3; ++i) pulled.discriminator().parameters()[i] += 0.25;
  pulled.step(random_images<double>({3, 2}));
  for (const double g : gradients) CHECK(g == doctest::Approx(2 * 0.5 * 0.25).epsilon(1e-12));
}

TEST_CASE("ReplayPool shows fakes of this update and of past ones, half and half, each of which stays until it is exchanged") {
  using Pool = ReplayPool::Work<decltype(tiny_generator()), decltype(curved_critic())>;
  auto d = curved_critic();
  Pool pool(ReplayPool{40}, tiny_generator(), d);
  Context<Cpu> context(1);
  int old = 0;
  for (int update = 0; update < 50; ++update) {
    auto images = Tensor<double>::filled({10, 5, 5, 1}, update);
    pool.change_images(Update<Cpu>{context, Player::discriminator, update + 1, 0, RandomStream(9).child(static_cast<std::uint64_t>(update))},
                       ImageSource::generated, images);
    pool.after_update(Update<Cpu>{context, Player::discriminator, update + 1, 0, RandomStream(9).child(static_cast<std::uint64_t>(update))}, d);
    for (index_t n = 0; n < 10; ++n) {
      for (index_t i = 0; i < 25; ++i) CHECK(images[n * 25 + i] == images[n * 25]);
      CHECK(images[n * 25] <= update);
      old += images[n * 25] < update;
    }
  }
  CHECK(std::abs(old - 245) < 45);  // half of 490, four standard deviations
  auto real = Tensor<double>::filled({10, 5, 5, 1}, 99);
  pool.change_images(Update<Cpu>{context, Player::discriminator, 1, 0, {}}, ImageSource::real, real);
  pool.change_images(Update<Cpu>{context, Player::generator, 1, 0, {}}, ImageSource::generated, real);
  for (const double value : real) CHECK(value == 99);
  auto many = Tensor<double>::zeros({41, 5, 5, 1});
  CHECK(message_of<ShapeError>([&] { pool.change_images(Update<Cpu>{context, Player::discriminator, 1, 0, {}}, ImageSource::generated, many); }) ==
        "ReplayPool: expected batches of at most its 40 fakes, got 41.\nGive it a larger capacity.");
}

TEST_CASE("BalancedSteps leaves D out of the step after one that D won by far, and then measures again") {
  const BalancedSteps rule{0.5};
  StepReport last;
  CHECK(rule.takes_part({Player::discriminator}, last));
  last.d_real = 0.9, last.d_fake = 0.3;
  CHECK_FALSE(rule.takes_part({Player::discriminator}, last));
  CHECK(rule.takes_part({Player::generator}, last));
  last.d_fake = 0.41;
  CHECK(rule.takes_part({Player::discriminator}, last));

  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 2}, BalancedSteps{1}};
  for (int step = 0; step < 3; ++step) CHECK(trainer.step(random_images({3, 8, 8, 1})).d_loss);
  CHECK(message_of<ShapeError>([] { GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, {.reuse_fakes = true}, BalancedSteps{}); }) ==
        "GanTrainer: expected with reuse_fakes no method that leaves phases out, got one that does.\nLeave that method or reuse_fakes out.");
}

TEST_CASE("with BalancedSteps D stays as it is, to the bit, in the steps after those that it won by far, while G learns") {
  Discriminator sure{Sequential{Dense<float>{64, 1}}};  // real images are bright
  sure.initialise(1);
  sure.parameters().assign_from_host([] {
    std::vector<float> weights(65, 1.0f);
    weights.back() = -20;
    return weights;
  }());
  const auto taken = [&](double margin) {
    auto g = small_generator();
    GanTrainer trainer{g, sure, NonSaturating{}, {.seed = 2}, BalancedSteps{margin}};
    std::vector<bool> steps;
    for (int step = 1; step <= 5; ++step) {
      const auto d_before = state_values(trainer.discriminator()), g_before = step == 1 ? std::vector<float>{} : state_values(trainer.generator());
      const index_t updates = trainer.optimizer(Player::discriminator).steps();
      const StepReport report = trainer.step(Tensor<float>::filled({5, 8, 8, 1}, 0.9f));
      const bool moved = !same_bits(state_values(trainer.discriminator()), d_before);
      CHECK(report.d_loss.has_value() == moved);
      CHECK(report.d_real.has_value() == moved);
      CHECK(trainer.optimizer(Player::discriminator).steps() == updates + (moved ? 1 : 0));
      if (moved) CHECK(*report.d_real - *report.d_fake > 0.5);
      CHECK(report.g_loss.has_value());
      CHECK_FALSE(same_bits(state_values(trainer.generator()), g_before));
      CHECK(trainer.optimizer(Player::generator).steps() == step);
      steps.push_back(moved);
    }
    return steps;
  };
  CHECK(taken(0.5) == std::vector<bool>{true, false, true, false, true});
  CHECK(taken(1) == std::vector<bool>(5, true));
}

TEST_CASE("options of tricks that make no sense") {
  CHECK(message_of<ShapeError>([] { TopK{{.least = 0}}; }) == "TopK: expected a least share above 0 and up to 1, got 0.\nUse 0.5.");
  CHECK(message_of<ShapeError>([] { InstanceNoise{-1}; }).starts_with("InstanceNoise: expected a deviation, finite and at least 0, got -1"));
  CHECK(message_of<ShapeError>([] { LeCam(1, {.decay = 1}); }) == "LeCam: expected a decay from 0 to below 1, got 1.\nUse 0.99.");
  CHECK(message_of<ShapeError>([] { HistoricalAveraging{std::nan("")}; }).starts_with("HistoricalAveraging: expected a weight"));
}
