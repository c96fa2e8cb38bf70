// SPDX-License-Identifier: Apache-2.0
#include "nash/model/generator.hpp"

#include "model/networks.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

namespace {

auto small() {
  Generator generator{Latent::normal(5), Sequential{Dense{5, 12}, BatchNorm{12}, Tanh{}, Reshape{2, 2, 3}}};
  generator.initialise(1);
  return generator;
}

}  // namespace

TEST_CASE("a generator says what it makes of what") {
  const auto generator = small();
  CHECK(generator.latent().size() == 5);
  CHECK(generator.sample_shape(7) == Shape{7, 2, 2, 3});
  CHECK(generator.role() == "Generator");
  CHECK(message_of<ShapeError>([] { Generator{Latent::normal(4), Sequential{Dense{5, 12}}}; }) ==
        "Dense (layer 0 of Generator): expected N×5 inputs, got 2×4.\nBuild Dense{4, 12} or change the layer before it.");
}

TEST_CASE("fresh samples are those of the stream's latents, the same for the same stream") {
  const auto generator = small();
  Context<Cpu> context(1);
  Tensor<float> latents, samples;
  generator.latent().draw(context, RandomStream(8), 6, latents);
  generator.generate(context, latents, samples);
  CHECK(generator.generate(context, RandomStream(8), 6).to_host() == samples.to_host());
  CHECK(generator.generate(context, RandomStream(9), 6).to_host() != samples.to_host());
}

TEST_CASE("samples are drawn in inference mode: one sample alone is what it is among others") {
  const auto generator = small();
  Context<Cpu> context(1);
  const auto one = generator.generate(context, RandomStream(8), 1), many = generator.generate(context, RandomStream(8), 50);
  for (index_t i = 0; i < one.count(); ++i) CHECK(many[i] == doctest::Approx(one[i]).epsilon(1e-5));
}
