// SPDX-License-Identifier: Apache-2.0
#include "nash/model/goodfellow.hpp"

#include "model/networks.hpp"

using namespace nash;

TEST_CASE("the networks of the first GAN") {
  const auto generator = goodfellow_generator();
  const auto discriminator = goodfellow_discriminator();
  CHECK(layers_of(generator) == "Dense ReLU Dense Sigmoid Dense ReLU Dense ReLU Dense Sigmoid Reshape");
  CHECK(layers_of(discriminator) == "Dense LeakyReLU Maxout Dropout Dense Maxout LeakyReLU Dropout Dense");
  CHECK(generator.latent().size() == 128);
  // 128·128 + 128, 128·256 + 256, 256·512 + 512, 512·1024 + 1024, 1024·784 + 784
  CHECK(generator.parameters().count() == 16512 + 33024 + 131584 + 525312 + 803600);
  // 784·256 + 256, five pieces of 256·256 + 256, 256·32 + 32, five of 32·32 + 32, 32 + 1
  CHECK(discriminator.parameters().count() == 200960 + 5 * 65792 + 8224 + 5 * 1056 + 33);
  check_logits_of(discriminator, check_samples(generator, {3, 28, 28, 1}, 0, 1));
}

TEST_CASE("the networks of the first GAN, for other images") {
  const GoodfellowOptions options{.latent = 10, .height = 8, .width = 6, .channels = 3, .dropout = 0.2, .pieces = 2};
  check_logits_of(goodfellow_discriminator<double>(options), check_samples(goodfellow_generator<double>(options), {3, 8, 6, 3}, 0, 1));
  CHECK(goodfellow_generator(options).latent().size() == 10);
  CHECK(goodfellow_discriminator(options).parameters().count() == (144 * 256 + 256) + 2 * 65792 + 8224 + 2 * 1056 + 33);
}

TEST_CASE("the networks of the first GAN refuse images that are none, or too large to count") {
  const auto said = [](const GoodfellowOptions& options) {
    const std::string message = message_of<ShapeError>([&] { goodfellow_generator(options); });
    CHECK(message_of<ShapeError>([&] { goodfellow_discriminator(options); }) == message);
    return message;
  };
  CHECK(said({.height = 0}) == "Goodfellow: expected a height of at least 1, got 0.\nCheck the layer's arguments.");
  CHECK(said({.height = -28, .width = -28}).starts_with("Goodfellow: expected a height of at least 1, got -28."));
  CHECK(said({.width = -28, .channels = -1}).starts_with("Goodfellow: expected a width of at least 1, got -28."));
  CHECK(said({.channels = 0}).starts_with("Goodfellow: expected a number of channels of at least 1, got 0."));
  CHECK(said({.height = 2147483647, .width = 2147483647, .channels = 3}).find("a number of elements below 2^63") != std::string::npos);
}
