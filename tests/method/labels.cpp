// SPDX-License-Identifier: Apache-2.0
#include "method/methods.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/method/label_flips.hpp"
#include "nash/method/label_smoothing.hpp"

using namespace nash;

namespace {

/// The networks' states after three steps.
template <class L>
std::vector<float> run_with_loss(const L& loss, auto... methods) {
  GanTrainer trainer{small_generator(), small_discriminator(), loss, {.seed = 4}, methods...};
  return state_after(trainer, 3, {6, 8, 8, 1});
}

/// The targets of both terms of one update.
std::array<std::vector<float>, 2> targets_of(auto method, index_t rows) {
  Context<Cpu> context(1);
  std::array<std::vector<float>, 2> found;
  for (const LossTerm term : {LossTerm::real, LossTerm::fake}) {
    auto targets = Tensor<float>::filled(Shape{rows}, term == LossTerm::real ? 1 : 0);
    method.change_targets(Update<Cpu>{context, Player::discriminator, 1, 0, RandomStream(5)}, term, targets);
    found[static_cast<std::size_t>(term)] = targets.to_host();
  }
  return found;
}

template <class L>
std::pair<double, double> losses_of(const L& loss, auto... methods) {
  GanTrainer trainer{small_generator(), small_discriminator(), loss, {.seed = 1, .phases = {{Player::discriminator}}}, methods...};
  const StepReport report = trainer.step(random_images({8, 8, 8, 1}));
  return {*report.d_loss, *report.d_gradient_norm};
}

}  // namespace

TEST_CASE("LabelSmoothing is one-sided, fixed or noisy") {
  const auto fixed = targets_of(LabelSmoothing{}, 50), noisy = targets_of(LabelSmoothing{0.9, 1}, 1000);
  CHECK(fixed[0] == std::vector<float>(50, 0.9f));
  CHECK(fixed[1] == std::vector<float>(50, 0.0f));
  CHECK(noisy[1] == std::vector<float>(1000, 0.0f));
  const auto [least, most] = std::minmax_element(noisy[0].begin(), noisy[0].end());
  CHECK(*least >= 0.9f);
  CHECK(*least < 0.905f);
  CHECK(*most <= 1);
  CHECK(*most > 0.995f);
}

TEST_CASE("LabelFlips flips both sides, each sample by itself") {
  const auto flipped = targets_of(LabelFlips{0.2}, 5000);
  const auto ones = std::count(flipped[0].begin(), flipped[0].end(), 1.0f), others = std::count(flipped[1].begin(), flipped[1].end(), 1.0f);
  CHECK(std::abs(ones - 4000) < 120);  // four standard deviations
  CHECK(std::abs(others - 1000) < 120);
}

TEST_CASE("a target t is t of the real loss and 1 − t of the fake one, its gradient too") {
  Context<Cpu> context(1);
  const std::vector<double> logits{2, -1, 0.5, 1000}, targets{1, 0.9, 0, 0.5}, weights{1, 2, 0, 1};
  Tensor<double> d;
  const Tensor<double> l({4, 1}, logits), t({4}, targets), w({4}, weights);
  const double value = evaluate_loss<LossTerm::real>(context, Hinge{}, LossRows<double>{t.data(), w.data()}, l, d);
  // rows: 0 (beyond the margin), 2·(0.9·2 + 0.1·0), 0·…, 0.5·0 + 0.5·1001
  CHECK(value == doctest::Approx((0 + 3.6 + 0 + 500.5) / 4).epsilon(1e-14));
  CHECK(d.to_host() == std::vector<double>{0, 2 * 0.9 * -1 / 4, 0, 0.5 / 4});
}

TEST_CASE("an update with all labels flipped is that of the other loss") {
  struct Opposite : NonSaturating {
    LossValue real(double l) const { return NonSaturating::fake(l); }
    LossValue fake(double l) const { return NonSaturating::real(l); }
  };
  CHECK(losses_of(NonSaturating{}, LabelFlips{1}) == losses_of(Opposite{}));
}

TEST_CASE("labels that are left as they are change no bit of a run, and others do") {
  const auto plain = run_with_loss(NonSaturating{});
  CHECK(same_bits(run_with_loss(NonSaturating{}, LabelFlips{0}), plain));
  CHECK(same_bits(run_with_loss(NonSaturating{}, LabelSmoothing{1}), plain));
  CHECK(same_bits(run_with_loss(NonSaturating{}, LabelFlips{0}, LabelSmoothing{1, 1}), plain));
  CHECK_FALSE(same_bits(run_with_loss(NonSaturating{}, LabelFlips{0.5}), plain));
  CHECK_FALSE(same_bits(run_with_loss(NonSaturating{}, LabelSmoothing{}), plain));
}

TEST_CASE("labels that make no sense") {
  CHECK(message_of<ShapeError>([] { LabelSmoothing(1, 0.9); }) ==
        "LabelSmoothing: expected targets from 0 to 1, the lower one first, got 1 and 0.9.\nUse 0.9, or 0.9 and 1.");
  CHECK(message_of<ShapeError>([] { LabelFlips{1.5}; }) == "LabelFlips: expected a probability from 0 to 1, got 1.5.\nUse 0.05.");
}
