// SPDX-License-Identifier: Apache-2.0
#include "nash/model/mlp.hpp"

#include "model/networks.hpp"

using namespace nash;

TEST_CASE("the MLP pair has the published layers and parameters") {
  const auto generator = mlp_generator();
  const auto discriminator = mlp_discriminator();
  CHECK(layers_of(generator) ==
        "Dense LeakyReLU Dense BatchNorm LeakyReLU Dense BatchNorm LeakyReLU Dense BatchNorm LeakyReLU Dense Tanh Reshape");
  CHECK(layers_of(discriminator) ==
        "Dense LeakyReLU Dense LeakyReLU Dropout Dense LeakyReLU Dropout Dense LeakyReLU Dense LeakyReLU Dense");
  CHECK(generator.parameters().count() == 1'513'616);
  CHECK(discriminator.parameters().count() == 1'841'025);
  CHECK(generator.latent().size() == 128);
  check_logits_of(discriminator, check_samples(generator, {3, 28, 28, 1}, -1, 1));
}

TEST_CASE("the MLP pair for other images and slopes") {
  const MlpOptions options{.latent = 16, .height = 5, .width = 7, .channels = 3, .slope = 0.1, .dropout = 0.4};
  check_logits_of(mlp_discriminator<double>(options), check_samples(mlp_generator<double>(options), {2, 5, 7, 3}, -1, 1));
  const auto layers = mlp_discriminator(options).body().describe().children();
  CHECK(layers[1].number("slope") == 0.1);
  CHECK(layers[4].number("probability") == 0.4);
}
