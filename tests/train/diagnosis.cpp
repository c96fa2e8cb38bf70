// SPDX-License-Identifier: Apache-2.0
#include "nash/train/diagnosis.hpp"

#include "train/players.hpp"

using namespace nash;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
const std::string non_finite_remedy = ".\nLower the learning rates, check the data, or report instead (OnNonFinite).";

/// A loss that is finite while its slope is not, from a given logit on.
struct BadSlope {
  LossValue real(double l) const { return {softplus(-l), -logistic(-l)}; }
  LossValue fake(double l) const { return {softplus(l), std::numeric_limits<double>::quiet_NaN()}; }
  LossValue generator(double l) const { return {softplus(-l), std::numeric_limits<double>::infinity()}; }
};

struct BadValue {
  LossValue real(double) const { return {std::numeric_limits<double>::infinity(), 0}; }
  LossValue fake(double) const { return {0, 0}; }
  LossValue generator(double) const { return {std::numeric_limits<double>::quiet_NaN(), 0}; }
};

/// Trains one good step, spoils something, and steps again, once with each of the two answers. Returns what was said, after
/// checking that no parameter moved.
template <class L = NonSaturating, class Spoil>
std::string complaint(const std::vector<Phase>& phases, const Spoil& spoil, const L& loss = {}, const Tensor<float>& batch = random_images({4, 8, 8, 1})) {
  std::string said[2];
  for (const OnNonFinite answer : {OnNonFinite::raise, OnNonFinite::report}) {
    GanTrainer trainer{small_generator(), small_discriminator(), loss, {.seed = 1, .phases = phases, .on_non_finite = answer}};
    if constexpr (std::is_same_v<L, NonSaturating>) trainer.step(random_images({4, 8, 8, 1}));
    spoil(trainer);
    const auto g = trainer.generator().parameters().to_host(), d = trainer.discriminator().parameters().to_host();
    const auto g_buffers = buffer_values(trainer.generator());
    const index_t step = trainer.steps() + 1;
    if (answer == OnNonFinite::raise) {
      said[0] = message_of<NumericError>([&] { trainer.step(batch); });
    } else {
      const StepReport report = trainer.step(batch);
      REQUIRE(report.non_finite);
      CHECK(report.non_finite->step == step);
      CHECK(report.non_finite->text().find(concat({"step ", step, ": the ", name_of(report.non_finite->player), "'s ", report.non_finite->what})) == 0);
      said[1] = "GanTrainer: " + report.non_finite->text() + non_finite_remedy;
    }
    CHECK(trainer.steps() == step);
    CHECK(same_bits(trainer.generator().parameters().to_host(), g));
    CHECK(same_bits(trainer.discriminator().parameters().to_host(), d));
    CHECK(same_bits(buffer_values(trainer.generator()), g_buffers));
  }
  CHECK(said[0] == said[1]);
  return said[0];
}

const std::vector<Phase> both_players{{Player::discriminator}, {Player::generator}}, generator_alone{{Player::generator}};

Tensor<float> images_with(float value) {
  auto images = random_images({4, 8, 8, 1});
  images[100] = value;
  return images;
}

const auto nothing = [](auto&) {};

}  // namespace

TEST_CASE("a batch that is not finite") {
  for (const float value : {not_a_number, infinity, -infinity})
    CHECK(complaint(both_players, nothing, NonSaturating{}, images_with(value)) ==
          "GanTrainer: step 2: the discriminator's loss is not finite; the first place is the real batch" + non_finite_remedy);
}

TEST_CASE("a parameter that is not finite, in either player") {
  CHECK(complaint(both_players, [](auto& trainer) { poison(trainer.discriminator(), "2.weight", not_a_number); }) ==
        "GanTrainer: step 2: the discriminator's loss is not finite; the first place is parameter '2.weight' of Discriminator" + non_finite_remedy);
  CHECK(complaint(generator_alone, [](auto& trainer) { poison(trainer.discriminator(), "6.bias", infinity); }) ==
        "GanTrainer: step 2: the generator's loss is not finite; the first place is parameter '6.bias' of Discriminator" + non_finite_remedy);
  CHECK(complaint(generator_alone, [](auto& trainer) { poison(trainer.generator(), "4.weight", not_a_number); }) ==
        "GanTrainer: step 2: the generator's loss is not finite; the first place is parameter '4.weight' of Generator" + non_finite_remedy);
  // The discriminator meets it first, in the generated batch; the place is where it comes from all the same.
  CHECK(complaint(both_players, [](auto& trainer) { poison(trainer.generator(), "0.weight", not_a_number); }) ==
        "GanTrainer: step 2: the discriminator's loss is not finite; the first place is parameter '0.weight' of Generator" + non_finite_remedy);
}

TEST_CASE("numbers that overflow within a layer") {
  const auto spoil = [](auto& trainer) {
    for_each_parameter(trainer.discriminator(), [](const StateName& name, auto& weight) {
      if (name.text() == "6.weight") std::fill(weight.value().begin(), weight.value().end(), 3e38f);
    });
  };
  // The parameter itself is finite; its products with activations overflow, or their sums in the next layer.
  CHECK(complaint(both_players, [](auto& trainer) { for (float& w : trainer.discriminator().parameters()) w = w < 0 ? -3e38f : 3e38f; })
            .starts_with("GanTrainer: step 2: the discriminator's loss is not finite; the first place is layer 0 (Conv2d) or layer 1 (LeakyReLU) of Discriminator"));
  CHECK(complaint(both_players, spoil).find("the discriminator's loss is not finite; the first place is layer 6 (Dense) of Discriminator") != std::string::npos);
  CHECK(complaint(generator_alone, spoil).find("the generator's loss is not finite; the first place is layer 6 (Dense) of Discriminator") !=
        std::string::npos);
}

TEST_CASE("an activation that a later layer overwrote names all layers that may have made it") {
  // 3e38 is finite after the Dense layer, and twice that in Dropout's place is not.
  const auto said = [](auto body) {
    GanTrainer trainer{small_generator(), Discriminator{std::move(body)}, NonSaturating{}, {.on_non_finite = OnNonFinite::report}};
    for_each_parameter(trainer.discriminator(), [](const StateName& name, auto& parameter) {
      if (name.text() == "1.bias") std::fill(parameter.value().begin(), parameter.value().end(), 3e38f);
    });
    return trainer.step(random_images({4, 8, 8, 1})).non_finite->origin;
  };
  CHECK(said(Sequential{Flatten{}, Dense{64, 8}, Dropout{0.5}, Dense{8, 1}}) == "layer 1 (Dense) or layer 2 (Dropout) of Discriminator");
  CHECK(said(Sequential{Flatten{}, Dense{64, 8}, Dropout{0}, Dropout{0.5}, Dense{8, 1}}) ==
        "layer 1 (Dense), layer 2 (Dropout) or layer 3 (Dropout) of Discriminator");
  CHECK(said(Sequential{Flatten{}, Dense{64, 8}, LeakyReLU{0.2}, Dropout{0.5}, Dense{8, 1}}) == "layer 3 (Dropout) of Discriminator");
  CHECK(said(Sequential{Flatten{}, Dense{64, 8}, Dense{8, 1}}) == "layer 2 (Dense) of Discriminator");
}

TEST_CASE("logits that are infinite where the loss has a limit") {
  // A sure discriminator's loss is 0, and so is its slope: without a look at the logits training would go on.
  for (const float value : {infinity, -infinity})
    for (const auto& phases : {both_players, generator_alone})
      CHECK(complaint(phases, [=](auto& trainer) { poison(trainer.discriminator(), "6.bias", value); })
                .ends_with("the first place is parameter '6.bias' of Discriminator" + non_finite_remedy));
}

TEST_CASE("latents that are not finite") {
  const auto spoil = [](auto& trainer) {
    trainer.set_latent_source([](Player, index_t, index_t, Tensor<float>& z) { std::fill(z.begin(), z.end(), not_a_number); });
  };
  CHECK(complaint(both_players, spoil).find("the discriminator's loss is not finite; the first place is the latents.") != std::string::npos);
  CHECK(complaint(generator_alone, spoil).find("the generator's loss is not finite; the first place is the latents.") != std::string::npos);
}

TEST_CASE("a gradient that is not finite under a finite loss") {
  CHECK(complaint(both_players, nothing, BadSlope{}) ==
        "GanTrainer: step 1: the discriminator's gradient of '0.weight' is not finite; the first place is '0.weight' of Discriminator" + non_finite_remedy);
  CHECK(complaint(generator_alone, nothing, BadSlope{}) ==
        "GanTrainer: step 1: the generator's gradient of '0.weight' is not finite; the first place is '0.weight' of Generator" + non_finite_remedy);
  // One gradient alone, as another process of a reduction may give it.
  const auto spoil_last = [](Player whose) {
    return [whose](auto& trainer) {
      trainer.set_gradient_reduction([whose](Player player, Tensor<float>& gradients) {
        if (player == whose) gradients[gradients.count() - 1] = -infinity;
      });
    };
  };
  CHECK(complaint(both_players, spoil_last(Player::discriminator)).find("the discriminator's gradient of '6.bias' is not finite; the first place is '6.bias' of Discriminator") !=
        std::string::npos);
  CHECK(complaint(generator_alone, spoil_last(Player::generator)).find("the generator's gradient of '4.bias' is not finite; the first place is '4.bias' of Generator") !=
        std::string::npos);
}

TEST_CASE("a loss that is not finite at finite logits") {
  CHECK(complaint(both_players, nothing, BadValue{}) ==
        "GanTrainer: step 1: the discriminator's loss is not finite; the first place is the loss of finite outputs of Discriminator" + non_finite_remedy);
  CHECK(complaint(generator_alone, nothing, BadValue{}) ==
        "GanTrainer: step 1: the generator's loss is not finite; the first place is the loss of finite outputs of Discriminator" + non_finite_remedy);
}

TEST_CASE("gradients whose squares overflow") {
  auto g = small_generator<double>();
  GanTrainer trainer{std::move(g), small_discriminator<double>(), NonSaturating{}, {.on_non_finite = OnNonFinite::report}};
  trainer.set_gradient_reduction([](Player, Tensor<double>& gradients) { gradients[0] = 1e200; });
  const StepReport report = trainer.step(random_images<double>({4, 8, 8, 1}));
  REQUIRE(report.non_finite);
  CHECK(report.non_finite->text() == "step 1: the discriminator's gradient norm is not finite; the first place is their sum");
  CHECK(report.d_loss);
}

TEST_CASE("reporting: the step ends there, and a good batch goes on") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{},
                     {.phases = {{.player = Player::discriminator, .repeat = 3}, {Player::generator}}, .on_non_finite = OnNonFinite::report}};
  int updates = 0;
  trainer.set_gradient_reduction([&](Player, Tensor<float>&) { ++updates; });
  const StepReport bad = trainer.step(images_with(not_a_number));
  CHECK(bad.non_finite->player == Player::discriminator);
  CHECK(updates == 0);
  for (const auto* field : {&bad.d_loss, &bad.d_real, &bad.d_fake, &bad.g_loss, &bad.d_gradient_norm, &bad.g_gradient_norm}) CHECK_FALSE(field->has_value());
  for (const float value : state_values(trainer.discriminator())) REQUIRE(std::isfinite(value));
  const StepReport good = trainer.step(random_images({4, 8, 8, 1}));
  CHECK_FALSE(good.non_finite);
  CHECK(good.step == 2);
  CHECK(std::isfinite(*good.g_loss));
  CHECK(updates == 4);
}

TEST_CASE("the average takes nothing from an update that was not made") {
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.average_decay = 0.5, .on_non_finite = OnNonFinite::report}};
  trainer.step(random_images({4, 8, 8, 1}));
  const auto before = state_values(trainer.sampling_generator());
  poison(trainer.generator(), "0.weight", not_a_number);
  trainer.step(random_images({4, 8, 8, 1}));
  CHECK(same_bits(state_values(trainer.sampling_generator()), before));
}

TEST_CASE("all_finite, first_bad_parameter and first_bad_gradient") {
  auto d = small_discriminator();
  d.initialise(1);
  CHECK(first_bad_parameter(d) == "");
  auto gradients = Tensor<float>::zeros(d.parameters().shape());
  CHECK(first_bad_gradient(d, gradients) == "");
  CHECK(all_finite(gradients));
  gradients[gradients.count() - 2] = not_a_number;  // the last but one value is the last weight of layer 6
  CHECK(first_bad_gradient(d, gradients) == "'6.weight'");
  CHECK_FALSE(all_finite(gradients));
  poison(d, "3.running_var", not_a_number);  // no parameter
  CHECK(first_bad_parameter(d) == "");
  poison(d, "3.bias", infinity);
  CHECK(first_bad_parameter(d) == "'3.bias'");
}
