// SPDX-License-Identifier: Apache-2.0
#include "nash/model/dcgan_dense.hpp"

#include "model/networks.hpp"

using namespace nash;

TEST_CASE("DCGAN with fully connected layers has those of InfoGAN's table for MNIST") {
  const auto generator = dcgan28_dense_generator();
  const auto discriminator = dcgan28_dense_discriminator();
  CHECK(layers_of(generator) ==
        "Dense BatchNorm ReLU Dense Reshape BatchNorm ReLU ConvTranspose2d BatchNorm ReLU ConvTranspose2d Tanh");
  CHECK(layers_of(discriminator) == "Conv2d LeakyReLU Conv2d BatchNorm LeakyReLU Dense BatchNorm LeakyReLU Dense");
  // 100·1024, 1024·6272, 128·64·4² and 64·4² + 1, and a scale and a shift a channel between them
  CHECK(generator.parameters().count() == 102400 + 2048 + 6422528 + 256 + 131072 + 128 + 1025);
  CHECK(discriminator.parameters().count() == 1088 + 131072 + 256 + 6422528 + 2048 + 1025);
  check_logits_of(discriminator, check_samples(generator, {3, 28, 28, 1}, -1, 1));
}

TEST_CASE("DCGAN with fully connected layers of another width, latent and colour; sizes that make no sense are refused") {
  const Dcgan28DenseOptions options{.latent = 7, .width = 3, .hidden = 5, .channels = 3};
  check_logits_of(dcgan28_dense_discriminator<double>(options),
                  check_samples(dcgan28_dense_generator<double>(options), {2, 28, 28, 3}, -1, 1));
  CHECK_THROWS_AS(dcgan28_dense_generator({.width = 0}), ShapeError);
  CHECK_THROWS_AS(dcgan28_dense_generator({.hidden = 0}), ShapeError);
  CHECK_THROWS_AS(dcgan28_dense_discriminator({.width = index_t{1} << 62}), ShapeError);
}
