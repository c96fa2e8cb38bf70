// SPDX-License-Identifier: Apache-2.0
#include "nash/model/dcgan.hpp"

#include "model/networks.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/method/wgan.hpp"
#include "nash/train/gan_trainer.hpp"

using namespace nash;

TEST_CASE("DCGAN for 28×28 has the paper's layers, without BatchNorm at the generator's end and the discriminator's start") {
  const auto generator = dcgan28_generator();
  const auto discriminator = dcgan28_discriminator();
  CHECK(layers_of(generator) ==
        "Reshape ConvTranspose2d BatchNorm ReLU ConvTranspose2d BatchNorm ReLU ConvTranspose2d BatchNorm ReLU ConvTranspose2d Tanh");
  CHECK(layers_of(discriminator) == "Conv2d LeakyReLU Conv2d BatchNorm LeakyReLU Conv2d BatchNorm LeakyReLU Conv2d Flatten");
  CHECK(generator.latent().size() == 100);
  CHECK(generator.latent().distribution() == Latent::Distribution::normal);
  // 100·256·4², 256·128·3², 128·64·4² and 64·4² weights, and a scale and a shift a channel between them; no bias anywhere
  CHECK(generator.parameters().count() == 409600 + 512 + 294912 + 256 + 131072 + 128 + 1024);
  CHECK(discriminator.parameters().count() == 1024 + 131072 + 256 + 294912 + 512 + 4096);
  // The published 0.31 and 0.11 million of half the width.
  CHECK(dcgan28_generator({.width = 32}).parameters().count() == 312256);
  CHECK(dcgan28_discriminator({.width = 32}).parameters().count() == 109440);
  check_logits_of(discriminator, check_samples(generator, {3, 28, 28, 1}, -1, 1));
}

TEST_CASE("DCGAN's weights are drawn from N(0, 0.02) and its scales from N(1, 0.02)") {
  auto generator = dcgan28_generator<double>();
  auto discriminator = dcgan28_discriminator<double>();
  generator.initialise(1);
  discriminator.initialise(1);
  const auto check = [](const auto& network) {
    for_each_parameter(network, [&](const StateName& name, const auto& parameter) {
      const auto values = parameter.value().to_host();
      const double n = static_cast<double>(values.size());
      double mean = 0, squares = 0;
      for (const double value : values) mean += value / n;
      for (const double value : values) squares += (value - mean) * (value - mean) / n;
      CAPTURE(name.text());
      if (name.text().ends_with("bias")) {
        CHECK(squares == 0);
        CHECK(mean == 0);
      } else {
        const bool is_scale = parameter.shape().rank() == 1;
        CHECK(std::abs(mean - is_scale) < 5 * 0.02 / std::sqrt(n));
        CHECK(std::abs(std::sqrt(squares) / 0.02 - 1) < 5 / std::sqrt(2 * n));
      }
    });
  };
  check(generator);
  check(discriminator);
}

TEST_CASE("DCGAN of another width, latent and colour") {
  const Dcgan28Options options{.latent = 7, .width = 3, .channels = 3};
  check_logits_of(dcgan28_discriminator<double>(options), check_samples(dcgan28_generator<double>(options), {2, 28, 28, 3}, -1, 1));
  CHECK(dcgan28_generator(options).sample_shape(5) == Shape{5, 28, 28, 3});
}

TEST_CASE("DCGAN for 32 to 128 pixels has a layer more in both networks for each doubling, and the parameters of the paper's figure") {
  for (const index_t size : {32, 64, 128}) {
    CAPTURE(size);
    const DcganOptions options{.size = size, .latent = 10, .width = 4};
    std::string generator = "Reshape ConvTranspose2d BatchNorm ReLU", discriminator = "Conv2d LeakyReLU";
    // width·size/8 channels at 4×4: 16 weights for each latent value, a scale and a shift
    index_t channels = 4 * size / 8, generator_count = 10 * channels * 16 + 2 * channels, discriminator_count = 3 * 4 * 16 + channels * 16;
    for (; channels > 4; channels /= 2) {
      generator += " ConvTranspose2d BatchNorm ReLU", discriminator += " Conv2d BatchNorm LeakyReLU";
      generator_count += channels * (channels / 2) * 16 + channels;
      discriminator_count += channels * (channels / 2) * 16 + 2 * channels;
    }
    generator += " ConvTranspose2d Tanh", discriminator += " Conv2d Flatten";
    CHECK(layers_of(dcgan_generator(options)) == generator);
    CHECK(layers_of(dcgan_discriminator(options)) == discriminator);
    CHECK(dcgan_generator(options).parameters().count() == generator_count + 4 * 3 * 16);
    CHECK(dcgan_discriminator(options).parameters().count() == discriminator_count);
    check_logits_of(dcgan_discriminator(options), check_samples(dcgan_generator(options), {2, size, size, 3}, -1, 1));
  }
  // The well-known counts at 64×64 with width 64: 3.58 and 2.77 million.
  CHECK(dcgan_generator().parameters().count() == 3576704);
  CHECK(dcgan_discriminator().parameters().count() == 2765568);
}

TEST_CASE("DCGAN for 32 to 128 pixels trains, and refuses other sizes") {
  const DcganOptions options{.size = 32, .latent = 3, .width = 2, .channels = 1};
  GanTrainer trainer{dcgan_generator(options), dcgan_discriminator(options), NonSaturating{}, {.seed = 1, .threads = 1}};
  const auto images = check_samples(dcgan_generator(options), {4, 32, 32, 1}, -1, 1);
  const StepReport first = trainer.step(images), second = trainer.step(images);
  CHECK(std::isfinite(*second.g_loss));
  CHECK(*second.d_loss != *first.d_loss);

  for (const index_t size : {0, 16, 28, 48, 256})
    CHECK(message_of<ShapeError>([&] { dcgan_generator({.size = size}); }) ==
          concat({"Dcgan: expected a size of 32, 64 or 128, got ", size, ".\nScale the images, or use Dcgan28 for 28×28."}));
  CHECK_THROWS_AS(dcgan_discriminator({.size = 30}), ShapeError);
  CHECK_THROWS_AS(dcgan_discriminator({.width = 0}), ShapeError);
  CHECK_THROWS_AS(dcgan_generator({.channels = 0}), ShapeError);
}

TEST_CASE("The critics of DCGAN are its discriminators without BatchNorm, and take a gradient penalty") {
  CHECK(layers_of(dcgan28_critic()) == "Conv2d LeakyReLU Conv2d LeakyReLU Conv2d LeakyReLU Conv2d Flatten");
  CHECK(dcgan28_critic().parameters().count() == 1024 + 131072 + 294912 + 4096);
  CHECK(layers_of(dcgan_critic({.size = 32, .width = 4})) == "Conv2d LeakyReLU Conv2d LeakyReLU Conv2d LeakyReLU Conv2d Flatten");
  CHECK(dcgan_critic({.size = 32, .width = 4}).parameters().count() == 3 * 4 * 16 + 4 * 8 * 16 + 8 * 16 * 16 + 16 * 16);
  CHECK_FALSE(traits_of(dcgan28_critic().body()).couples_samples);
  auto trainer = wgan_gp_trainer(dcgan28_generator({.width = 2}), dcgan28_critic({.width = 2}), {.seed = 1});
  const StepReport report = trainer.step(Tensor<float>::zeros(Shape{3, 28, 28, 1}));
  CHECK(report.d_added > 0);
}
