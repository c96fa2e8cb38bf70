// SPDX-License-Identifier: Apache-2.0
#include "nash/method/r1.hpp"

#include "method/methods.hpp"
#include "nash/method/dragan.hpp"
#include "nash/method/feature_matching.hpp"
#include "nash/method/gradient_penalty.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/loss/least_squares.hpp"
#include "nash/loss/minimax.hpp"
#include "nash/loss/relativistic_average.hpp"

using namespace nash;

namespace {

std::vector<double> values_of(auto method, int steps) {
  Discriminator critic{Sequential{Dense<double>{25, 4}, Tanh<double>{}, Dense<double>{4, 1}}};
  GanTrainer trainer{tiny_generator(), std::move(critic), NoLoss{}, {.seed = 2, .phases = {{Player::discriminator}}}, method};
  std::vector<double> values;
  for (int step = 0; step < steps; ++step) values.push_back(*trainer.step(random_images<double>({4, 5, 5, 1})).d_added);
  return values;
}

}  // namespace

TEST_CASE("R1, R2 and Dragan have the gradients of their values, by differences") {
  check_penalty(curved_critic(), R1{10});
  check_penalty(curved_critic(), R2{0.5});
  check_penalty(curved_critic(), Dragan{10});
  check_penalty(curved_critic(), R1{3}, R2{2}, Dragan{1});
}

TEST_CASE("R1 is γ/2 times the mean of the squared norms, on real samples; R2 on fakes") {
  Discriminator d{Sequential{Dense<double>{25, 1}}};
  d.initialise(1);
  double square = 0;
  for (index_t i = 0; i < 25; ++i) square += d.parameters()[i] * d.parameters()[i];
  GanTrainer trainer{tiny_generator(), d, NoLoss{}, {.phases = {{Player::discriminator}}}, R1{6}};
  CHECK(*trainer.step(random_images<double>({4, 5, 5, 1})).d_added == doctest::Approx(3 * square).epsilon(1e-12));
  CHECK(values_of(R1{6}, 1) != values_of(R2{6}, 1));
}

TEST_CASE("the lazy form runs in every k-th step, with k times the weight") {
  const auto lazy = values_of(R1{2, 3}, 4), eager = values_of(R1{6}, 1);
  CHECK(lazy[0] == 0);
  CHECK(lazy[1] == 0);
  CHECK(lazy[2] == doctest::Approx(eager[0]).epsilon(1e-12));  // NoLoss: the parameters have not moved until then
  CHECK(lazy[3] == 0);
}

TEST_CASE("γ = 0 changes no bit") {
  GanTrainer plain{small_generator(), plain_discriminator<float>(), NonSaturating{}, {.seed = 4}};
  GanTrainer penalised{small_generator(), plain_discriminator<float>(), NonSaturating{}, {.seed = 4}, R1{0}, R2{0}, Dragan{0}};
  CHECK(same_bits(state_after(penalised, 3, {6, 8, 8, 1}), state_after(plain, 3, {6, 8, 8, 1})));
}

TEST_CASE("every loss goes with every penalty and with feature matching, whose terms are of D's logits as they are and the same whatever the loss") {
  const auto terms = [](const auto& loss) {
    auto g = tiny_generator();
    g.initialise(3);
    GanTrainer trainer{g, curved_critic(), loss, {.seed = 2}, GradientPenalty{1}, GradientPenalty{1, {.target = 0.1, .one_sided = true}}, Dragan{1}, R1{1}, R2{1},
                       FeatureMatching{1, {0, 6}}};
    const StepReport report = trainer.step(random_images<double>({4, 5, 5, 1}));
    CHECK(std::isfinite(*report.d_loss));
    CHECK(std::isfinite(*report.g_gradient_norm));
    CHECK(*report.g_added > 0);
    return *report.d_added;
  };
  const double expected = terms(NoLoss{});
  CHECK(expected > 0);
  CHECK(terms(Minimax{}) == expected);
  CHECK(terms(NonSaturating{}) == expected);
  CHECK(terms(LeastSquares{-1, 1, 0}) == expected);
  CHECK(terms(Wasserstein{}) == expected);
  CHECK(terms(Hinge{}) == expected);
  CHECK(terms(RelativisticAverage{NonSaturating{}}) == expected);
  CHECK(terms(RelativisticAverage{Hinge{}}) == expected);
}

TEST_CASE("options of R1 that make no sense") {
  CHECK(message_of<ShapeError>([] { R1{-1}; }) == "R1: expected a gamma, finite and at least 0, got -1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([] { R2(1, 0); }).starts_with("R2: expected an interval of at least 1, got 0"));
}
