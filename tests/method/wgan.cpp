// SPDX-License-Identifier: Apache-2.0
#include "nash/method/wgan.hpp"

#include "method/methods.hpp"

using namespace nash;

namespace {

float largest(const Tensor<float>& values) {
  float found = 0;
  for (const float value : values) found = std::max(found, std::abs(value));
  return found;
}

}  // namespace

TEST_CASE("the bounds of WeightClip hold after every step, for the critic alone") {
  auto trainer = wgan_trainer(small_generator(), small_discriminator(), {.seed = 1});
  for (int step = 1; step <= 6; ++step) {
    trainer.step(random_images({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    CHECK(largest(trainer.discriminator().parameters()) <= 0.01f);
  }
  CHECK(largest(trainer.discriminator().parameters()) == 0.01f);
  CHECK(largest(trainer.generator().parameters()) > 0.1f);
}

TEST_CASE("a bound that nothing reaches changes no bit") {
  GanTrainer plain{small_generator(), small_discriminator(), Wasserstein{}, {.seed = 4}};
  GanTrainer clipped{small_generator(), small_discriminator(), Wasserstein{}, {.seed = 4}, WeightClip{100}};
  CHECK(same_bits(state_after(clipped, 3, {6, 8, 8, 1}), state_after(plain, 3, {6, 8, 8, 1})));
}

TEST_CASE("the presets are the papers': five updates of the critic to one of the generator, and their optimisers") {
  auto wgan = wgan_trainer(small_generator(), small_discriminator());
  auto wgan_gp = wgan_gp_trainer(small_generator(), plain_discriminator<float>());
  for (int step = 0; step < 10; ++step) {
    wgan.step(random_images({5, 8, 8, 1}));
    wgan_gp.step(random_images({5, 8, 8, 1}));
  }
  for (const Player player : {Player::discriminator, Player::generator}) {
    CHECK(wgan.optimizer(player).steps() == (player == Player::discriminator ? 10 : 2));
    CHECK(wgan_gp.optimizer(player).steps() == (player == Player::discriminator ? 10 : 2));
    CHECK(wgan.optimizer(player).learning_rate() == 5e-5);
    CHECK(wgan.optimizer(player).slots().size() == 1);
    CHECK(wgan_gp.optimizer(player).learning_rate() == 1e-4);
    CHECK(wgan_gp.optimizer(player).slots().size() == 2);
  }
  CHECK(wgan_gp.options().generator.beta1 == 0);
  CHECK(wgan_gp.options().discriminator.beta2 == 0.9);
}

TEST_CASE("a bound that makes no sense") {
  CHECK(message_of<ShapeError>([] { WeightClip{0}; }) == "WeightClip: expected a bound above 0, got 0.\nUse 0.01.");
  CHECK(message_of<ShapeError>([] { WeightClip{-1}; }).starts_with("WeightClip: expected a bound, finite and at least 0, got -1"));
}
