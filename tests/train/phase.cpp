// SPDX-License-Identifier: Apache-2.0
#include "nash/train/phase.hpp"

#include "train/players.hpp"

using namespace nash;

namespace {

/// Which updates were made in which step, as "D1 G1 …", and which fields of the reports held something.
struct PhaseRun {
  std::string updates, fields;

  PhaseRun(const std::vector<Phase>& phases, int steps) {
    GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.phases = phases}};
    index_t step = 0;
    trainer.set_gradient_reduction(
        [&](Player player, Tensor<float>&) { updates += concat({updates.empty() ? "" : " ", player == Player::discriminator ? "D" : "G", step}); });
    for (step = 1; step <= steps; ++step) {
      const StepReport report = trainer.step(random_images({3, 8, 8, 1}));
      CHECK(report.step == step);
      CHECK_FALSE(report.non_finite);
      const bool d = report.d_loss.has_value(), g = report.g_loss.has_value();
      for (const auto* field : {&report.d_real, &report.d_fake, &report.d_gradient_norm}) CHECK(field->has_value() == d);
      CHECK(report.g_gradient_norm.has_value() == g);
      fields += concat({fields.empty() ? "" : " ", d ? "D" : "", g ? "G" : "", d || g ? "" : "-"});
    }
    CHECK(trainer.optimizer(Player::discriminator).steps() == std::count(updates.begin(), updates.end(), 'D'));
    CHECK(trainer.optimizer(Player::generator).steps() == std::count(updates.begin(), updates.end(), 'G'));
  }
};

}  // namespace

TEST_CASE("phases run in their order, in every n-th step, as often as they say") {
  const PhaseRun usual({{Player::discriminator}, {Player::generator}}, 3);
  CHECK(usual.updates == "D1 G1 D2 G2 D3 G3");
  CHECK(usual.fields == "DG DG DG");
  const PhaseRun n_critic({{Player::discriminator}, {.player = Player::generator, .every = 3}}, 7);
  CHECK(n_critic.updates == "D1 D2 D3 G3 D4 D5 D6 G6 D7");
  CHECK(n_critic.fields == "D D DG D D DG D");
  CHECK(PhaseRun({{Player::discriminator}, {.player = Player::generator, .repeat = 3}}, 2).updates == "D1 G1 G1 G1 D2 G2 G2 G2");
  CHECK(PhaseRun({{Player::generator}, {Player::discriminator}}, 2).updates == "G1 D1 G2 D2");
  CHECK(PhaseRun({{Player::discriminator}, {Player::generator}, {Player::discriminator}, {Player::generator}}, 1).updates == "D1 G1 D1 G1");
  const PhaseRun seldom({{.player = Player::discriminator, .every = 2, .repeat = 2}, {.player = Player::generator, .every = 3}}, 6);
  CHECK(seldom.updates == "D2 D2 G3 D4 D4 D6 D6 G6");
  CHECK(seldom.fields == "- D G D - DG");
}

TEST_CASE("a repeated phase reports its last repetition") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.phases = {{.player = Player::generator, .repeat = 3}}}};
  std::vector<double> norms;
  trainer.set_gradient_reduction([&](Player, Tensor<float>& gradients) {
    double squares = 0;
    for (const float g : gradients) squares += static_cast<double>(g) * static_cast<double>(g);
    norms.push_back(std::sqrt(squares));
  });
  const StepReport report = trainer.step(random_images({3, 8, 8, 1}));
  REQUIRE(norms.size() == 3);
  CHECK(norms[2] != doctest::Approx(norms[1]).epsilon(1e-6));
  CHECK(*report.g_gradient_norm == doctest::Approx(norms[2]).epsilon(1e-12));
}

TEST_CASE("phases that would never run are refused") {
  const auto message = [](const std::vector<Phase>& phases) {
    return message_of<ShapeError>([&] { GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, {.phases = phases}); });
  };
  CHECK(message({}) == "GanTrainer: expected at least one phase, got none.\nUse {{Player::discriminator}, {Player::generator}}.");
  CHECK(message({{Player::discriminator}, {.player = Player::generator, .every = 0}}) ==
        "GanTrainer: expected a generator phase with every and repeat of at least 1, got 0 and 1.\n"
        "Leave a phase out of the list to have none of it.");
  CHECK(message({{.player = Player::discriminator, .repeat = -1}, {Player::generator}}).starts_with("GanTrainer: expected a discriminator phase"));
  CHECK(message({{.player = Player::discriminator, .every = -5}}).find("got -5 and 1.") != std::string::npos);
}

TEST_CASE("phases that leave the generator without fakes to reuse are refused") {
  const auto message = [](const std::vector<Phase>& phases) {
    return message_of<ShapeError>([&] {
      GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, {.phases = phases, .reuse_fakes = true});
    });
  };
  const auto expected = [](std::string_view got) {
    return concat({"GanTrainer: expected with reuse_fakes each generator phase once, right after a discriminator phase that runs whenever it does, got ",
                  got, ".\nChange the phases, or leave reuse_fakes out: then the generator draws its own latents."});
  };
  CHECK(message({{Player::generator}}) == expected("a generator phase before any other"));
  CHECK(message({{Player::generator}, {Player::discriminator}}) == expected("a generator phase before any other"));
  CHECK(message({{Player::discriminator}, {Player::generator}, {Player::generator}}) == expected("two generator phases in a row"));
  CHECK(message({{Player::discriminator}, {.player = Player::generator, .repeat = 2}}) == expected("a generator phase with repeat = 2"));
  CHECK(message({{.player = Player::discriminator, .every = 2}, {Player::generator}}) == expected("one with every = 1 after a discriminator phase with every = 2"));
  CHECK(message({{.player = Player::discriminator, .every = 2}, {.player = Player::generator, .every = 3}}) ==
        expected("one with every = 3 after a discriminator phase with every = 2"));
  CHECK(message({}).starts_with("GanTrainer: expected at least one phase"));
  for (const std::vector<Phase>& phases : {std::vector<Phase>{{Player::discriminator}}, {{Player::discriminator}, {Player::generator}, {Player::discriminator}},
                                           {{.player = Player::discriminator, .every = 2, .repeat = 5}, {.player = Player::generator, .every = 6}}}) {
    GanTrainer trainer(small_generator(), small_discriminator(), NonSaturating{}, {.phases = phases, .reuse_fakes = true});
    for (int step = 0; step < 7; ++step) trainer.step(random_images({3, 8, 8, 1}));
  }
}
