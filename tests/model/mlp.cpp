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

TEST_CASE("the MLP pair refuses images that are none, or too large to count") {
  const auto said = [](const MlpOptions& options) {
    const std::string message = message_of<ShapeError>([&] { mlp_generator(options); });
    CHECK(message_of<ShapeError>([&] { mlp_discriminator(options); }) == message);
    return message;
  };
  CHECK(said({.height = 0}) == "Mlp: expected a height of at least 1, got 0.\nCheck the layer's arguments.");
  CHECK(said({.height = -28, .width = -28}).starts_with("Mlp: expected a height of at least 1, got -28."));
  CHECK(said({.width = -28, .channels = -1}).starts_with("Mlp: expected a width of at least 1, got -28."));
  CHECK(said({.channels = 0}).starts_with("Mlp: expected a number of channels of at least 1, got 0."));
  CHECK(said({.height = 2147483647, .width = 2147483647, .channels = 3}).find("a number of elements below 2^63") != std::string::npos);
}
