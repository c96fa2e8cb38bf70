// SPDX-License-Identifier: Apache-2.0
#include "nash/model/generator.hpp"

#include "model/networks.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

namespace {

auto small_dense_generator() {
  Generator generator{Latent::normal(5), Sequential{Dense{5, 12}, BatchNorm{12}, Tanh{}, Reshape{2, 2, 3}}};
  generator.initialise(1);
  return generator;
}

}  // namespace

TEST_CASE("a generator says what it makes of what") {
  const auto generator = small_dense_generator();
  CHECK(generator.latent().size() == 5);
  CHECK(generator.sample_shape(7) == Shape{7, 2, 2, 3});
  CHECK(generator.role() == "Generator");
  CHECK(message_of<ShapeError>([] { Generator{Latent::normal(4), Sequential{Dense{5, 12}}}; }) ==
        "Dense (layer 0 of Generator): expected N×5 inputs, got 2×4.\nBuild Dense{4, 12} or change the layer before it.");
}

TEST_CASE("fresh samples are those of the stream's latents, the same for the same stream") {
  const auto generator = small_dense_generator();
  Context<Cpu> context(1);
  Tensor<float> latents, samples;
  generator.latent().draw(context, RandomStream(8), 6, latents);
  generator.generate(context, latents, samples);
  CHECK(generator.generate(context, RandomStream(8), 6).to_host() == samples.to_host());
  CHECK(generator.generate(context, RandomStream(9), 6).to_host() != samples.to_host());
}

TEST_CASE("a generator that drops values in inference has noise of its own: by the stream of fresh samples, or one that is given") {
  Generator generator{Latent::normal(5), Sequential{Dense{5, 40}, Dropout{0.5, {.in_inference = true}}, Dense{40, 12}}};
  generator.initialise(1);
  Context<Cpu> context(1);
  Tensor<float> latents, samples, again, others;
  generator.latent().draw(context, RandomStream(8), 6, latents);
  generator.generate(context, latents, samples, {}, RandomStream(1));
  generator.generate(context, latents, again, {}, RandomStream(1));
  generator.generate(context, latents, others, {}, RandomStream(2));
  CHECK(samples.to_host() == again.to_host());
  CHECK(samples.to_host() != others.to_host());
  generator.generate(context, latents, again);  // a stream that is always the same
  generator.generate(context, latents, others);
  CHECK(again.to_host() == others.to_host());
  // Fresh ones of equal latents: each batch of a stream has noise of its own.
  const auto drops = [&](std::uint64_t seed) {
    Generator ones{Latent::normal(5), Sequential{Dense{5, 400, {.init = Init::constant(0)}}, Sigmoid{}, Dropout{0.5, {.in_inference = true}}}};
    ones.initialise(1);
    return ones.generate(context, RandomStream(seed), 1).to_host();
  };
  CHECK(drops(1) == drops(1));
  CHECK(drops(1) != drops(2));
}

TEST_CASE("samples are drawn in inference mode: one sample alone is what it is among others") {
  const auto generator = small_dense_generator();
  Context<Cpu> context(1);
  const auto one = generator.generate(context, RandomStream(8), 1), many = generator.generate(context, RandomStream(8), 50);
  for (index_t i = 0; i < one.count(); ++i) CHECK(many[i] == doctest::Approx(one[i]).epsilon(1e-5));
}
