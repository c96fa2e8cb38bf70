// SPDX-License-Identifier: Apache-2.0
#include "nash/method/diff_augment.hpp"

#include <bit>

#include "method/methods.hpp"

using namespace nash;

namespace {

/// Keeps the adversarial logits of each term, by all of which D was asked.
struct NoteLogits {
  std::vector<std::pair<LossTerm, std::vector<double>>>* seen;
  double add_to_loss(const Update<Cpu>&, LossTerm term, const Tensor<double>& logits, Tensor<double>&) const {
    seen->emplace_back(term, logits.to_host());
    return 0;
  }
};

constexpr index_t pixels = 16;
constexpr int whole = (1 << pixels) - 1;  // the logit of an image that nothing was cut out of

/// A D whose logit of an image of zeros and ones tells every pixel: pixel i counts 2ⁱ.
auto reading_discriminator() {
  Discriminator d{Sequential{Dense<double>{pixels, 1, {.bias = false}}}};
  d.initialise(1);
  std::vector<double> weights(pixels);
  for (index_t i = 0; i < pixels; ++i) weights[static_cast<std::size_t>(i)] = static_cast<double>(1 << i);
  d.parameters().assign_from_host(weights);
  return d;
}

/// A G all of whose images are ones: its biases.
auto constant_generator() {
  Generator g{Latent::normal(1), Sequential{Dense<double>{1, pixels}, Reshape<double>{4, 4, 1}}};
  g.initialise(1);
  std::vector<double> parameters(2 * pixels, 1.0);
  std::fill(parameters.begin(), parameters.begin() + pixels, 0.0);
  g.parameters().assign_from_host(parameters);
  return g;
}

}  // namespace

TEST_CASE("D is shown augmented images alone, real and generated, in both players' updates, and G's gradient goes back through what was done to them") {
  const AugmentationOptions cut{.brightness = 0, .saturation = 0, .contrast = 0, .translation = 0, .cutout = 0.5};
  constexpr index_t samples = 6;
  std::vector<std::pair<LossTerm, std::vector<double>>> seen;
  std::vector<double> g_gradients;
  GanTrainer trainer{constant_generator(), reading_discriminator(), Wasserstein{},
                     {.seed = 3, .generator = {.learning_rate = 0}, .phases = {{Player::generator}, {Player::discriminator}}}, DiffAugment{cut}, NoteLogits{&seen}};
  trainer.set_gradient_reduction([&](Player player, Tensor<double>& gradients) {
    if (player == Player::generator) g_gradients = gradients.to_host();
  });
  trainer.step(Tensor<double>::filled({samples, 4, 4, 1}, 1));

  REQUIRE(seen.size() == 3);
  CHECK(seen[0].first == LossTerm::generator);
  CHECK(seen[1].first == LossTerm::real);
  CHECK(seen[2].first == LossTerm::fake);
  for (const auto& of_term : seen) {
    CAPTURE(static_cast<int>(of_term.first));
    const std::vector<double>& logits = of_term.second;
    REQUIRE(logits.size() == samples);
    for (const double logit : logits) {
      const auto kept = static_cast<int>(logit);
      CHECK(kept == logit);
      CHECK((kept >= 0 && kept < whole));  // a cut reaches into every image
      // what is missing is a rectangle of at most half of each side
      int rows = 0, columns = 0;
      for (int i = 0; i < pixels; ++i)
        if ((kept >> i & 1) == 0) rows |= 1 << i / 4, columns |= 1 << i % 4;
      CHECK((std::popcount(static_cast<unsigned>(rows)) <= 2 && std::popcount(static_cast<unsigned>(columns)) <= 2));
      CHECK(std::popcount(static_cast<unsigned>(whole - kept)) == std::popcount(static_cast<unsigned>(rows)) * std::popcount(static_cast<unsigned>(columns)));
    }
    CHECK(std::any_of(logits.begin(), logits.end(), [&](double logit) { return logit != logits[0]; }));
  }
  CHECK(seen[0].second != seen[1].second);
  CHECK(seen[1].second != seen[2].second);

  // −mean D(T(G(z))) by the bias of pixel i: −2ⁱ of each fake that has kept it, and nothing of the others
  REQUIRE(g_gradients.size() == 2 * pixels);
  for (index_t i = 0; i < pixels; ++i) {
    double expected = 0;
    for (const double logit : seen[0].second) expected -= static_cast<double>(static_cast<int>(logit) & 1 << i) / samples;
    CHECK(g_gradients[static_cast<std::size_t>(pixels + i)] == doctest::Approx(expected).epsilon(1e-13));
  }
}
