// SPDX-License-Identifier: Apache-2.0
#include "nash/train/method.hpp"

#include "method/methods.hpp"
#include "nash/loss/relativistic_average.hpp"

using namespace nash;

namespace {

/// Writes down each hook that is called.
struct Scribe {
  std::string* text;
  bool take_part = true;

  void note(std::string_view what) const { *text += concat({text->empty() ? "" : " ", what}); }
  static const char* name(Player player) { return player == Player::discriminator ? "D" : "G"; }

  bool takes_part(const Phase& phase, const StepReport&) const { return note(concat({"phase", name(phase.player)})), take_part; }
  template <class G, class D>
  void change_latents(const Update<Cpu>&, const G&, const D&, Tensor<float>&) const {
    note("latents");
  }
  template <class G, class D>
  double change_latents_backward(const Update<Cpu>& update, const G&, const D&, const Tensor<float>&, Gradients<float, Cpu>&) const {
    return note(concat({"back", name(update.player)})), 0.5;
  }
  void change_images(const Update<Cpu>&, ImageSource source, Tensor<float>&) const { note(source == ImageSource::real ? "real" : "fakes"); }
  void change_images_backward(const Update<Cpu>&, ImageSource, Tensor<float>&) const { note("back"); }
  void change_targets(const Update<Cpu>&, LossTerm term, Tensor<float>&) const { note(term == LossTerm::real ? "targets1" : "targets0"); }
  void weigh_fakes(const Update<Cpu>&, const Tensor<float>&, Tensor<float>&) const { note("weights"); }
  double add_to_loss(const Update<Cpu>& update, LossTerm, const Tensor<float>&, Tensor<float>&) const { return note(concat({"loss", name(update.player)})), 1; }
  template <class D>
  double penalise(const Update<Cpu>&, const D&, const Tensor<float>&, const Tensor<float>&, Gradients<float, Cpu>&) const {
    return note("penalty"), 10;
  }
  template <class D>
  double match(const Update<Cpu>&, const D&, const Tensor<float>&, const Tensor<float>&, Tensor<float>&) const {
    return note("match"), 100;
  }
  template <class Network>
  double add_parameter_term(const Update<Cpu>& update, const Network&, Tensor<float>&) const {
    return note(concat({"term", name(update.player)})), 1000;
  }
  template <class Network>
  void after_update(const Update<Cpu>& update, Network&) const {
    note(concat({"updated", name(update.player)}));
  }
  void after_step(index_t, const StepReport&) const { note("step"); }
};

/// Images ×2 on their way to D, and what comes back ×2.
struct Double {
  template <class T>
  void scale(const Update<Cpu>& update, Tensor<T>& x) const {
    pointwise(update.context, x.count(), Scale<T>{x.data(), T{2}, x.data()});
  }
  template <class T>
  void change_images(const Update<Cpu>& update, ImageSource, Tensor<T>& images) const {
    scale(update, images);
  }
  template <class T>
  void change_images_backward(const Update<Cpu>& update, ImageSource, Tensor<T>& d) const {
    scale(update, d);
  }
};

}  // namespace

TEST_CASE("hooks are called in their order, and what they add is in the report") {
  std::string text;
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 1}, Scribe{&text}};
  const auto images = random_images({3, 8, 8, 1});
  const StepReport report = trainer.step(images);
  CHECK(text == "phaseD real targets1 lossD latents fakes targets0 lossD back backD penalty termD updatedD "
                "phaseG latents fakes real weights lossG match back backG termG updatedG step");
  CHECK(*report.d_added == 0.5 + 2 + 10 + 1000);
  CHECK(*report.g_added == 0.5 + 1 + 100 + 1000);
  GanTrainer plain{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 1}};
  const StepReport without = plain.step(images);
  CHECK_FALSE(without.d_added);
  CHECK_FALSE(without.g_added);
  CHECK(*without.d_loss == *report.d_loss);  // the game's loss alone, to the last bit: targets and weights were left as they are
  CHECK(*without.g_loss == *report.g_loss);
  CHECK(same_bits(state_values(trainer.generator()), state_values(plain.generator())));
  CHECK(same_bits(state_values(trainer.discriminator()), state_values(plain.discriminator())));
}

TEST_CASE("a method can leave phases out") {
  std::string text;
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, Scribe{&text, false}};
  const StepReport report = trainer.step(random_images({3, 8, 8, 1}));
  CHECK(text == "phaseD phaseG step");
  CHECK_FALSE(report.d_loss);
}

TEST_CASE("changed images have their way back, and the caller's batch stays as it is") {
  // D of doubled images is D with doubled first weights: one SGD-free comparison of G's gradients.
  auto g = tiny_generator();
  g.initialise(1);
  Discriminator d{Sequential{Dense<double>{25, 4}, Tanh<double>{}, Dense<double>{4, 1}}};
  d.initialise(2);
  auto twice = d;
  for (index_t i = 0; i < 100; ++i) twice.parameters()[i] *= 2;
  const auto images = random_images<double>({3, 5, 5, 1});
  const auto before = images.to_host();
  const auto gradients_of = [&](const auto& network, auto... methods) {
    std::vector<double> all;
    GanTrainer trainer{g, network, NonSaturating{}, {.seed = 3, .phases = {{Player::generator}}}, methods...};
    trainer.set_gradient_reduction([&](Player, Tensor<double>& gradients) { all = gradients.to_host(); });
    trainer.step(images);
    return all;
  };
  CHECK(relative_difference(gradients_of(d, Double{}), gradients_of(twice)) < 1e-13);
  CHECK(relative_difference(gradients_of(d, Double{}, Double{}), gradients_of(d)) > 1e-3);
  CHECK(same_bits(images.to_host(), before));
}

TEST_CASE("a loss that compares both sides trains both players on both") {
  auto g = tiny_generator();
  g.initialise(1);
  Discriminator d{Sequential{Dense<double>{25, 4}, Tanh<double>{}, Dense<double>{4, 1}}};
  d.initialise(2);
  const auto images = random_images<double>({3, 5, 5, 1});
  const auto check = [&](Player player, auto of_report, auto parameters_of) {
    std::vector<double> analytic;
    const auto run = [&](const auto& g_now, const auto& d_now) {
      GanTrainer trainer{g_now, d_now, RelativisticAverage{}, {.seed = 3, .phases = {{player}}, .threads = 1}};
      trainer.set_gradient_reduction([&](Player, Tensor<double>& gradients) { analytic = gradients.to_host(); });
      return of_report(trainer.step(images));
    };
    run(g, d);
    const auto at = analytic;
    auto g_now = g;
    auto d_now = d;
    for (std::size_t i = 0; i < at.size(); i += 3) {
      double& theta = parameters_of(g_now, d_now)[static_cast<index_t>(i)];
      const double kept = theta, h = 1e-5;
      theta = kept + h;
      const double above = run(g_now, d_now);
      theta = kept - h;
      const double below = run(g_now, d_now);
      theta = kept;
      CHECK(std::abs(at[i] - (above - below) / (2 * h)) < 1e-8);
    }
  };
  check(Player::discriminator, [](const StepReport& report) { return *report.d_loss; }, [](auto&, auto& own) -> auto& { return own.parameters(); });
  check(Player::generator, [](const StepReport& report) { return *report.g_loss; }, [](auto& own, auto&) -> auto& { return own.parameters(); });
}

TEST_CASE("a methods' term that is not finite reaches no parameter") {
  struct Bad {
    double add_to_loss(const Update<Cpu>&, LossTerm, const Tensor<float>&, Tensor<float>&) const { return std::nan(""); }
  };
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, Bad{}};
  CHECK(message_of<NumericError>([&] { trainer.step(random_images({3, 8, 8, 1})); })
            .find("the discriminator's methods' term is not finite") != std::string::npos);
  CHECK(trainer.optimizer(Player::discriminator).steps() == 0);
}
