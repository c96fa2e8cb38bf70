// SPDX-License-Identifier: Apache-2.0
#include "nash/model/dcgan.hpp"

#include "model/networks.hpp"

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
