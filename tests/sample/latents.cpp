// SPDX-License-Identifier: Apache-2.0
#include "distribution.hpp"
#include "nash/nn/conditional_affine.hpp"
#include "nash/sample/interpolation.hpp"
#include "nash/sample/langevin.hpp"
#include "nash/sample/nearest_neighbours.hpp"
#include "nash/sample/rejection.hpp"
#include "nash/sample/truncation.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

double normal(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// The identity, or what its weight and bias make of it, as both players.
auto line_generator(const Latent& latent = Latent::normal(1)) {
  Generator g{latent, Sequential{Dense<double>{1, 1}}};
  g.initialise(1);
  g.parameters().assign_from_host(std::vector<double>{1, 0});
  return g;
}
auto line_discriminator(double slope) {
  Discriminator d{Sequential{Dense<double>{1, 2}}};  // a second column is of no concern
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{slope, 7, 0.3, 1});
  return d;
}

Tensor<double> latents(index_t count) {
  Context<Cpu> context(1);
  Tensor<double> z;
  Latent::normal(1).draw(context, RandomStream(8), count, z);
  return z;
}

}  // namespace

TEST_CASE("truncated latents are drawn again and not clamped") {
  Context<Cpu> context(1);
  const auto x = truncated_samples(context, line_generator(), RandomStream(1), 5000, 0.7).to_host();
  CHECK(kolmogorov_distance(x, [](double v) { return (normal(v) - normal(-0.7)) / (1 - 2 * normal(-0.7)); }) < kolmogorov_bound(5000));
  CHECK(std::count_if(x.begin(), x.end(), [](double v) { return std::abs(v) > 0.6999; }) < 10);
  CHECK(truncated(Latent::truncated_normal(3, 0.5), 0.7).bound() == 0.5);
  CHECK(truncated(Latent::truncated_normal(3, 0.9), 0.7).bound() == 0.7);
  CHECK(message_of<ShapeError>([] { truncated(Latent::uniform(2), 1); }) ==
        "truncated: expected normal latents, got uniform ones.\nDraw them by Latent::uniform with a smaller bound.");
  CHECK(message_of<ShapeError>([] { truncated(Latent::class_normal(2, 3), 1); }).starts_with("truncated: expected normal latents, got those around a mean for each class."));
}

TEST_CASE("truncated samples are of the classes that are asked for") {
  Context<Cpu> context(1);
  // The latent, and ten times the class beside it.
  Generator g{Latent::normal(1), Sequential{ConditionalConcat<double>{3}, Dense<double>{4, 1, {.bias = false}}}};
  g.initialise(1);
  g.parameters().assign_from_host(std::vector<double>{1, 0, 10, 20});
  const auto x = truncated_samples(context, g, RandomStream(1), Labels<>(std::vector<std::int32_t>{2, 0, 1, 2}), 0.5);
  REQUIRE(x.count() == 4);
  const double centre[] = {20, 0, 10, 20};
  for (index_t n = 0; n < 4; ++n) CHECK(std::abs(x[n] - centre[n]) <= 0.5);
  CHECK(message_of<ShapeError>([&] { truncated_samples(context, g, RandomStream(1), 4, 0.5); }).find("a label for each of 4 samples") != std::string::npos);
}

TEST_CASE("truncation leaves codes as they are") {
  Context<Cpu> context(1);
  const Latent latent = truncated(Latent::normal(2).with_category(3).with_continuous(1), 1e-3);
  REQUIRE(latent.size() == 6);
  Tensor<double> z;
  latent.draw(context, RandomStream(1), 200, z);
  double largest = 0;
  for (index_t n = 0; n < 200; ++n) {
    CHECK(std::max(std::abs(z[6 * n]), std::abs(z[6 * n + 1])) <= 1e-3);
    CHECK(z[6 * n + 2] + z[6 * n + 3] + z[6 * n + 4] == 1);
    largest = std::max(largest, std::abs(z[6 * n + 5]));
  }
  CHECK(largest > 0.9);
}

TEST_CASE("latents of a conditional generator are refined with their labels") {
  Context<Cpu> context(1);
  Generator g{Latent::normal(1), Sequential{ConditionalAffine<double>{2, 1}}};
  g.initialise(1);
  const Labels<> labels(std::vector<std::int32_t>{0, 1});
  for_each_parameter(g.body(), [&](const StateName& name, const auto&) { CHECK((name.text() == "0.weight" || name.text() == "0.bias")); });
  g.parameters().assign_from_host(std::vector<double>{1, 2, 0, 0});  // a scale for each class
  Tensor<double> z = Tensor<double>::zeros({2, 1});
  refine_latents(context, g, line_discriminator(1), {}, z, {.dynamics = LatentDynamics::dg_flow, .steps = 1, .rate = 0.5, .noise = 0}, labels.view());
  CHECK(z.to_host() == std::vector<double>{0.5, 1});
  CHECK(message_of<ShapeError>([&] { refine_latents(context, g, line_discriminator(1), {}, z); }).find("a label for each of 2 samples, got none") !=
        std::string::npos);
}

TEST_CASE("DDLS samples p(z)·exp(D(G(z))): of a standard normal and a linear D the normal about its slope, by Kolmogorov's test") {
  Context<Cpu> context(2);
  const double slope = 1.5, rate = 0.05;
  auto z = latents(4000);
  refine_latents(context, line_generator(), line_discriminator(slope), RandomStream(2), z, {.steps = 120, .rate = rate});
  // z′ = (1 − η)·z + η·slope + √(2η)·ε has this variance in the end, for any η below 2
  const double deviation = 1 / std::sqrt(1 - rate / 2);
  CHECK(kolmogorov_distance(z.to_host(), [&](double v) { return normal((v - slope) / deviation); }) < kolmogorov_bound(4000));
}

TEST_CASE("DG-flow has no prior: without noise it is the plain ascent") {
  Context<Cpu> context(1);
  auto z = latents(5);
  const auto before = z.to_host();
  refine_latents(context, line_generator(Latent::uniform(1)), line_discriminator(2), RandomStream(2), z,
                 {.dynamics = LatentDynamics::dg_flow, .steps = 30, .rate = 0.01, .noise = 0});
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(z[static_cast<index_t>(i)] == doctest::Approx(before[i] + 30 * 0.01 * 2).epsilon(1e-13));
}

TEST_CASE("the gradient by latents is that of the logits, by differences") {
  Context<Cpu> context(1);
  Generator g{Latent::normal(3), Sequential{Dense<double>{3, 6}, BatchNorm<double>{6}, Tanh<double>{}}};
  Discriminator d{Sequential{Dense<double>{6, 5}, Softplus<double>{}, Dense<double>{5, 2}}};
  g.initialise(1), d.initialise(2);
  Tensor<double> z, samples, logits;
  g.latent().draw(context, RandomStream(3), 3, z);
  LatentGradient<decltype(g), decltype(d)> gradient;
  const auto at = gradient.of({context, Mode::infer}, g, d, z).to_host();
  const auto total = [&] {
    g.generate(context, z, samples);
    d.discriminate(context, samples, logits);
    return logits[0] + logits[2] + logits[4];
  };
  for (index_t i = 0; i < z.count(); ++i) {
    const double kept = z[i], h = 1e-5;
    z[i] = kept + h;
    const double above = total();
    z[i] = kept - h;
    const double below = total();
    z[i] = kept;
    CHECK(std::abs(at[static_cast<std::size_t>(i)] - (above - below) / (2 * h)) < 1e-8);
  }
}

TEST_CASE("interpolation: a line, or the great circle, with both ends") {
  Context<Cpu> context(1);
  const Tensor<double> a({2, 2}, std::vector<double>{3, 0, 1, 1}), b({2, 2}, std::vector<double>{0, 3, 2, 2});
  const auto line = interpolate(context, a, b, 3, Interpolation::linear);
  CHECK(line.shape() == Shape{6, 2});
  CHECK(line.to_host() == std::vector<double>{3, 0, 1.5, 1.5, 0, 3, 1, 1, 1.5, 1.5, 2, 2});
  const auto circle = interpolate(context, a, b, 4).to_host();
  for (std::size_t i = 0; i < 4; ++i) {
    const double angle = static_cast<double>(i) / 3 * std::numbers::pi / 2;
    CHECK(circle[2 * i] == doctest::Approx(3 * std::cos(angle)).epsilon(1e-14));
    CHECK(circle[2 * i + 1] == doctest::Approx(3 * std::sin(angle)).epsilon(1e-14));
    CHECK(circle[8 + 2 * i] == doctest::Approx(1 + static_cast<double>(i) / 3).epsilon(1e-14));  // of one direction: the line
  }
  const auto opposite = interpolate(context, Tensor<double>({1, 1}, std::vector<double>{1}), Tensor<double>({1, 1}, std::vector<double>{-1}), 3);
  CHECK(opposite.to_host() == std::vector<double>{1, 0, -1});
  CHECK(message_of<ShapeError>([&] { interpolate(context, a, Tensor<double>(Shape{3, 2}), 4); }) ==
        "interpolate: expected two tensors N×D of latents, got 2×2 and 3×2.\nDraw as many ends as beginnings.");
  CHECK(message_of<ShapeError>([&] { interpolate(context, a, b, 1); }) == "interpolate: expected at least 2 steps, the ends, got 1.\nUse 8.");
}

TEST_CASE("the nearest training images, however they come in batches; a copy is at distance 0") {
  Context<Cpu> context(1);
  const auto training = random_images<float>({50, 3, 3, 1}, 2);
  auto samples = random_images<float>({4, 3, 3, 1}, 3);
  for (index_t i = 0; i < 9; ++i) samples[9 + i] = training[33 * 9 + i];
  NearestNeighbours nearest(samples, 3);
  for (const auto& [first, count] : {std::pair<index_t, index_t>{0, 20}, {20, 30}}) {
    Tensor<float> batch(Shape{count, 3, 3, 1});
    std::copy(training.begin() + first * 9, training.begin() + (first + count) * 9, batch.begin());
    nearest.add(context, batch);
  }
  CHECK(nearest.seen() == 50);
  CHECK(nearest.of(1)[0].index == 33);
  CHECK(nearest.of(1)[0].distance == 0);
  for (index_t n = 0; n < 4; ++n) {
    std::vector<std::pair<double, index_t>> all;
    for (index_t m = 0; m < 50; ++m) {
      double square = 0;
      for (index_t i = 0; i < 9; ++i) square += std::pow(static_cast<double>(samples[n * 9 + i]) - static_cast<double>(training[m * 9 + i]), 2);
      all.push_back({std::sqrt(square), m});
    }
    std::sort(all.begin(), all.end());
    REQUIRE(nearest.of(n).size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(nearest.of(n)[k].index == all[k].second);
      CHECK(nearest.of(n)[k].distance == doctest::Approx(all[k].first).epsilon(1e-12));
    }
  }
  CHECK(message_of<ShapeError>([&] { nearest.add(context, random_images<float>({2, 3, 4, 1})); }) ==
        "NearestNeighbours: expected images of the samples' shape, N×3×3×1, got 2×3×4×1.\nCompare like with like.");
  CHECK(message_of<ShapeError>([&] { (void)nearest.of(4); }).starts_with("NearestNeighbours: expected a sample from 0 to 3, got 4"));
  CHECK(message_of<NumericError>([&] { nearest.add(context, Tensor<float>::filled({1, 3, 3, 1}, std::nanf(""))); })
            .starts_with("NearestNeighbours: expected finite samples and images, got a distance of nan to image 50"));
}

TEST_CASE("what the samplers refuse") {
  Context<Cpu> context(1);
  auto z = latents(2);
  const auto d = line_discriminator(1);
  CHECK(message_of<ShapeError>([&] { refine_latents(context, line_generator(Latent::uniform(1)), d, {}, z); }) ==
        "refine_latents: expected normal latents, whose density DDLS needs, got others.\n"
        "Use LatentDynamics::dg_flow or a generator of Latent::normal.");
  Generator coded{Latent::normal(1).with_continuous(1), Sequential{Dense<double>{2, 1}}};
  CHECK(message_of<ShapeError>([&] { refine_latents(context, coded, d, {}, z); }).starts_with("refine_latents: expected normal latents"));
  CHECK(message_of<ShapeError>([&] { refine_latents(context, line_generator(), d, {}, z, {.rate = 0}); }) ==
        "refine_latents: expected a rate above 0, got 0.\nUse 0.005.");
  CHECK(message_of<NumericError>([&] { refine_latents(context, line_generator(), d, {}, z, {.steps = 4000, .rate = 1000}); }) ==
        "refine_latents: expected finite latents, got one that is not.\nLower the rate.");
}
