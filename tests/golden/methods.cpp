// SPDX-License-Identifier: Apache-2.0
#include "golden/players.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/method/auxiliary_classifier.hpp"
#include "nash/method/dragan.hpp"
#include "nash/method/feature_matching.hpp"
#include "nash/method/historical_averaging.hpp"
#include "nash/method/infogan.hpp"
#include "nash/method/instance_noise.hpp"
#include "nash/method/label_smoothing.hpp"
#include "nash/method/lecam.hpp"
#include "nash/method/logan.hpp"
#include "nash/method/orthogonal_regularisation.hpp"
#include "nash/method/r1.hpp"
#include "nash/method/semi_supervised.hpp"
#include "nash/method/top_k.hpp"
#include "nash/optim/sgd.hpp"
#include "nash/train/gan_trainer.hpp"

using namespace nash;

namespace {

const Golden& method_values() {
  static const Golden file("methods");
  return file;
}

/// Checks each parameter's part of flat gradients against `prefix` + its name.
template <class Network, class T>
void check_gradients(const std::string& prefix, const Network& network, const std::vector<T>& gradients, double tolerance) {
  for_each_parameter(network, [&](const StateName& name, const auto& parameter) {
    check_close<T>(
        std::span(gradients).subspan(static_cast<std::size_t>(parameter.offset()), static_cast<std::size_t>(parameter.count())),
        method_values().entry(prefix + name.text()), tolerance);
  });
}

template <class T>
auto critic() {
  const Conv2d first{2, 4, {.kernel = 3, .stride = 2, .padding = 1}};
  return loaded(method_values(), "penalties/",
                Discriminator{Sequential{first, Softplus{}, Dense{48, 6}, Tanh{}, Dense{6, 3}}.to<T>()});
}
template <class T>
auto generator(const Latent& latent = Latent::normal(4)) {
  return golden_generator<T>(method_values(), latent);
}
template <class T>
auto discriminator() {
  return golden_discriminator<T>(method_values());
}

/// What a penalty adds in the last of some updates of D.
template <class T, class Method>
void check_penalty(const std::string& name, const Method& method, double tolerance, int updates = 1) {
  Context<Cpu> context;
  const auto d = critic<T>();
  const auto real = method_values().tensor<T>("penalties/real"), fake = method_values().tensor<T>("penalties/fake");
  typename Method::template Work<decltype(generator<T>()), decltype(critic<T>())> work(method, generator<T>(), d);
  auto flat = Tensor<T>::zeros(d.parameters().shape());
  Gradients<T, Cpu> gradients(flat);
  for (int update = 1; update <= updates; ++update) {
    const double value = work.penalise({context, Player::discriminator, update, 0, RandomStream(7)}, d, real, fake, gradients);
    if (update == updates) {
      check_close(value, method_values().entry(name + "/value"), tolerance);
    } else {
      CHECK(value == 0);
      CHECK(std::all_of(flat.begin(), flat.end(), [](T gradient) { return gradient == 0; }));
    }
  }
  check_gradients(name + "/grad.", d, flat.to_host(), tolerance);
}

template <class T>
void check_penalties(double tolerance) {
  check_penalty<T>("r1", R1{6}, tolerance);
  check_penalty<T>("r2", R2{6}, tolerance);
  check_penalty<T>("r1.lazy", R1{6, 3}, tolerance, 3);
  check_penalty<T>("gradient_penalty", GradientPenalty{10}, tolerance);
  check_penalty<T>("gradient_penalty.one_sided", GradientPenalty{10, {.one_sided = true}}, tolerance);
  check_penalty<T>("dragan", Dragan{10}, tolerance);
}

template <class T>
void check_lecam(double tolerance) {
  Context<Cpu> context;
  auto d = critic<T>();
  using Work = LeCam::Work<decltype(generator<T>()), decltype(d)>;
  Work work(LeCam{0.3, {.decay = 0.7, .begin = 3}}, generator<T>(), d);
  for (index_t step = 1; step <= 5; ++step) {
    const Update<Cpu> update{context, Player::discriminator, step, 0, {}};
    const auto at = [step](const char* name) { return concat({"lecam/", step, ".", name}); };
    const auto check_term = [&](LossTerm term, const char* logits, const char* value, const char* gradient) {
      const auto l = method_values().tensor<T>(at(logits));
      auto d_l = Tensor<T>::zeros(l.shape());
      check_close(work.add_to_loss(update, term, l, d_l), method_values().entry(at(value)), tolerance);
      check_close(d_l, method_values().entry(at(gradient)), tolerance);
    };
    check_term(LossTerm::real, "real", "on_real", "d_real");
    check_term(LossTerm::fake, "fake", "on_fake", "d_fake");
    work.after_update(update, d);
    Work::visit_state(work, [&]<class State>(const StateName& name, const State& state) {
      if constexpr (std::is_same_v<State, Tensor<double>>)
        check_close<double>(std::span<const double>(state.to_host()),
                            method_values().entry(at(name.text().starts_with("real") ? "real_average" : "fake_average")), tolerance);
    });
  }
}

template <class T>
void check_orthogonal_regularisation(double tolerance) {
  Context<Cpu> context;
  const auto g = loaded(
      method_values(), "orthogonal_regularisation/",
      Generator{Latent::normal(3), Sequential{Dense{3, 8}, Reshape{2, 2, 2}, Conv2d{2, 5, {.kernel = 3, .padding = 1}},
                                              BatchNorm{5}, ConvTranspose2d{5, 3, {.kernel = 4, .stride = 2, .padding = 1}}}
                                       .to<T>()});
  auto gradients = Tensor<T>::zeros(g.parameters().shape());
  const double value =
      OrthogonalRegularisation{0.25}.add_parameter_term(Update<Cpu>{context, Player::generator, 1, 0, {}}, g, gradients);
  check_close(value, method_values().entry("orthogonal_regularisation/value"), tolerance);
  check_gradients("orthogonal_regularisation/grad.", g, gradients.to_host(), tolerance);
}

/// One step of each player's phases with the method_values latents of that step, or those of `latents`: check(player, gradients) is
/// told the gradients.
template <class Trainer, class Check>
StepReport step_of(Trainer& trainer, const std::string& latents, const Check& check) {
  using T = typename Trainer::Scalar;
  trainer.set_latent_source([&](Player player, index_t step, index_t, Tensor<T>& z) {
    const auto given = method_values().tensor<T>(latents.empty() ? concat({"players/", name_of(player), ".z", step})
                                                          : concat({latents, name_of(player), ".z"}));
    REQUIRE(given.shape() == z.shape());
    z = given;
  });
  trainer.set_gradient_reduction([&](Player player, Tensor<T>& gradients) { check(player, gradients.to_host()); });
  return trainer.step(method_values().tensor<T>("players/real"));
}

template <class T>
void check_logan(const std::string& name, const Logan& method, double tolerance, const Latent& latent = Latent::normal(4)) {
  for (const Player player : {Player::discriminator, Player::generator}) {
    const std::string prefix = name + "/" + name_of(player) + ".";
    GanTrainer trainer{generator<T>(latent), discriminator<T>(), NonSaturating{}, {.phases = {{player}}}, method};
    const StepReport report = step_of(trainer, name + "/", [&](Player, const std::vector<T>& gradients) {
      player == Player::generator ? check_gradients(prefix + "grad.", trainer.generator(), gradients, tolerance)
                                  : check_gradients(prefix + "grad.", trainer.discriminator(), gradients, tolerance);
    });
    const double loss = player == Player::generator ? *report.g_loss : *report.d_loss,
                 added = player == Player::generator ? *report.g_added : *report.d_added;
    check_close(loss, method_values().entry(prefix + "loss"), tolerance);
    check_close(loss + added, method_values().entry(prefix + "value"), tolerance);
  }
}

template <class T>
void check_top_k(double tolerance) {
  GanTrainer trainer{generator<T>(),
                     discriminator<T>(),
                     NonSaturating{},
                     {.phases = {{Player::generator}}},
                     TopK{{.least = 0.625, .decay = 0.75, .every = 1}}};
  trainer.set_optimizer(Player::generator, Sgd{.learning_rate = 0.5, .momentum = 0});
  for (const index_t step : {1, 2, 3, 4}) {
    const std::string name = concat({"top_k.", step, "/"});
    const StepReport report = step_of(trainer, "", [&](Player, const std::vector<T>& gradients) {
      check_gradients(name + "grad.", trainer.generator(), gradients, tolerance);
    });
    check_close(*report.g_loss, method_values().entry(name + "value"), tolerance);
  }
}

template <class T>
void check_historical_averaging(double tolerance) {
  GanTrainer trainer{generator<T>(), discriminator<T>(), NonSaturating{}, HistoricalAveraging{0.4}};
  for (const Player player : {Player::discriminator, Player::generator})
    trainer.set_optimizer(player, Sgd{.learning_rate = 0.5, .momentum = 0});
  for (const index_t step : {1, 2, 3, 4}) {
    const std::string name = concat({"historical_averaging.", step, "/"});
    const StepReport report = step_of(trainer, "", [&](Player player, const std::vector<T>& gradients) {
      player == Player::generator
          ? check_gradients(name + "generator.grad.", trainer.generator(), gradients, tolerance)
          : check_gradients(name + "discriminator.grad.", trainer.discriminator(), gradients, tolerance);
    });
    check_close(*report.d_loss + *report.d_added, method_values().entry(name + "discriminator.value"), tolerance);
    check_close(*report.g_loss + *report.g_added, method_values().entry(name + "generator.value"), tolerance);
    check_close(*report.d_added, method_values().entry(name + "discriminator.added"), tolerance);
    check_close(*report.g_added, method_values().entry(name + "generator.added"), tolerance);
  }
}

template <class T>
void check_label_smoothing(double tolerance) {
  GanTrainer trainer{
      generator<T>(), discriminator<T>(), NonSaturating{}, {.phases = {{Player::discriminator}}}, LabelSmoothing{0.8}};
  const StepReport report = step_of(trainer, "", [&](Player, const std::vector<T>& gradients) {
    check_gradients("label_smoothing/grad.", trainer.discriminator(), gradients, tolerance);
  });
  check_close(*report.d_loss, method_values().entry("label_smoothing/value"), tolerance);
}

template <class T>
void check_instance_noise(double tolerance) {
  Context<Cpu> context;
  auto images = method_values().tensor<T>("players/real");
  InstanceNoise{0.4, 8}.change_images(Update<Cpu>{context, Player::discriminator, 3, 0, RandomStream(7)}, ImageSource::real,
                                      images);
  check_close(images, method_values().entry("instance_noise/y"), tolerance);
}

template <class T>
void check_feature_matching(double tolerance) {
  Context<Cpu> context;
  const auto d = discriminator<T>();
  FeatureMatching::Work<decltype(generator<T>()), decltype(discriminator<T>())> work(FeatureMatching{0.6, {0, 2, 4}},
                                                                                     generator<T>(), d);
  const auto real = method_values().tensor<T>("players/real"), fake = method_values().tensor<T>("feature_matching/fake");
  auto d_fake = Tensor<T>::zeros(fake.shape());
  check_close(work.match({context, Player::generator, 1, 0, {}}, d, real, fake, d_fake),
              method_values().entry("feature_matching/value"), tolerance);
  check_close(d_fake, method_values().entry("feature_matching/d_fake"), tolerance);
}

template <class T>
void check_class_terms(double tolerance) {
  Context<Cpu> context;
  Generator g{Latent::normal(2).with_category(3).with_continuous(2), Sequential{Dense<T>{7, 4}}};
  Discriminator d{Sequential{Dense<T>{4, 9}}};
  const auto logits = method_values().tensor<T>("class_terms/logits"), latents = method_values().tensor<T>("class_terms/latents");
  const Labels<Cpu> labels(std::vector<std::int32_t>{0, 1, 2, 0, 1, 2});
  const Update<Cpu> update{context, Player::discriminator, 1, 0, {}, labels.view()};
  const auto check = [&](const std::string& name, const auto& term) {
    auto d_logits = Tensor<T>::zeros(logits.shape());
    check_close(term(d_logits), method_values().entry(name + "/value"), tolerance);
    check_close(d_logits, method_values().entry(name + "/d_logits"), tolerance);
  };
  const AuxiliaryClassifier::Work<decltype(g), decltype(d)> classifier(AuxiliaryClassifier{0.7, {.classes = 3}}, g, d);
  check("auxiliary_classifier",
        [&](Tensor<T>& d_logits) { return classifier.add_to_loss(update, LossTerm::real, logits, d_logits); });
  const Infogan::Work<decltype(g), decltype(d)> infogan(Infogan{0.7, {.continuous_weight = 0.3}}, g, d);
  check("infogan", [&](Tensor<T>& d_logits) { return infogan.recover(update, latents, logits, d_logits); });
}

template <class T>
void check_semi_supervised(double tolerance) {
  Context<Cpu> context;
  const auto whole = [](const char* name) { return method_values().entry(concat({"semi_supervised/", name})).values; };
  const auto pixels = whole("pixels"), labels = whole("labels");
  const Dataset set("labelled", method_values().entry("semi_supervised/pixels").shape,
                    std::vector<std::uint8_t>(pixels.begin(), pixels.end()),
                    std::vector<std::int32_t>(labels.begin(), labels.end()));
  Generator g{Latent::normal(2), Sequential{Dense<T>{2, 12}, Reshape<T>{2, 2, 3}}};
  const auto d = loaded(method_values(), "semi_supervised/", Discriminator{Sequential{Dense<T>{12, 4}, Tanh<T>{}, Dense<T>{4, 4}}});
  SemiSupervised::Work<decltype(g), std::remove_const_t<decltype(d)>> work(SemiSupervised{set, 0.7, {.batch_size = 5}}, g, d);
  auto flat = Tensor<T>::zeros(d.parameters().shape());
  Gradients<T, Cpu> gradients(flat);
  check_close(work.penalise({context, Player::discriminator, 1, 0, RandomStream(7)}, d, {}, {}, gradients),
              method_values().entry("semi_supervised/value"), tolerance);
  check_gradients("semi_supervised/grad.", d, flat.to_host(), tolerance);
}

template <class T>
void check_logans(double tolerance) {
  check_logan<T>("logan.plain", Logan{0.7, {.natural = false}}, tolerance);
  check_logan<T>("logan.natural", Logan{0.9, {.damping = 0.3}}, tolerance);
  check_logan<T>("logan.regularised", Logan{0.9, {.damping = 0.1, .regularisation = 0.2}}, tolerance);
  check_logan<T>("logan.bounded", Logan{2, {.natural = false, .regularisation = 0.1}}, tolerance, Latent::uniform(4, 0.8));
}

}  // namespace

// With g++ 12 double reaches 1e-13 and float 2e-5, or 2e-4 after four steps of both players.

TEST_CASE("penalties on D's gradient, and their gradients, are PyTorch's: R1, R2, lazily too, WGAN-GP's, DRAGAN") {
  check_penalties<double>(1e-10);
  check_penalties<float>(1e-4);
}
TEST_CASE("LeCam's term, gradients and averages over five updates are PyTorch's") {
  check_lecam<double>(1e-10);
  check_lecam<float>(1e-4);
}
TEST_CASE("orthogonal regularisation is of each output's filter, as PyTorch's is, in transposed convolutions too") {
  check_orthogonal_regularisation<double>(1e-10);
  check_orthogonal_regularisation<float>(1e-4);
}
TEST_CASE("latent optimisation gives both players the gradients that PyTorch's autograd has through the move") {
  check_logans<double>(1e-10);
  check_logans<float>(1e-4);
}
TEST_CASE("top-k training follows PyTorch's over four updates") {
  check_top_k<double>(1e-10);
  check_top_k<float>(1e-4);
}
TEST_CASE("historical averaging follows PyTorch's over four steps of both players") {
  check_historical_averaging<double>(1e-10);
  check_historical_averaging<float>(1e-3);
}
TEST_CASE("label smoothing, instance noise and feature matching are PyTorch's") {
  check_label_smoothing<double>(1e-10), check_instance_noise<double>(1e-10), check_feature_matching<double>(1e-10);
  check_label_smoothing<float>(1e-4), check_instance_noise<float>(1e-4), check_feature_matching<float>(1e-4);
}
TEST_CASE("terms of classes and codes, and their gradients, are PyTorch's: AC-GAN's, InfoGAN's, the semi-supervised one") {
  check_class_terms<double>(1e-10), check_semi_supervised<double>(1e-10);
  check_class_terms<float>(1e-4), check_semi_supervised<float>(1e-4);
}
