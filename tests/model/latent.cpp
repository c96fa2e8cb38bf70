// SPDX-License-Identifier: Apache-2.0
#include "nash/model/latent.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace nash;

namespace {

constexpr index_t rows = 2000, size = 50;  // 100,000 values

std::vector<double> drawn(const Latent& latent, std::uint64_t seed = 1) {
  Context<Cpu> context(2);
  Tensor<double> z;
  latent.draw(context, RandomStream(seed), rows, z);
  CHECK(z.shape() == Shape{rows, latent.size()});
  return z.to_host();
}

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// Compares with a distribution function by the largest difference, as Kolmogorov: 1.95/√n is exceeded by chance once in a
/// thousand times, and these draws never change. Mean, variance and mean of the fourth power within 5 standard deviations.
void check_distribution(std::vector<double> x, const std::function<double(double)>& distribution, double variance, double fourth) {
  const double n = static_cast<double>(x.size());
  double sum = 0, squares = 0;
  for (const double value : x) sum += value, squares += value * value;
  CHECK(std::abs(sum / n) < 5 * std::sqrt(variance / n));
  CHECK(std::abs(squares / n - variance) < 5 * std::sqrt((fourth - variance * variance) / n));
  std::sort(x.begin(), x.end());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = distribution(x[i]), below = static_cast<double>(i) / n, above = static_cast<double>(i + 1) / n;
    worst = std::max({worst, std::abs(expected - below), std::abs(above - expected)});
  }
  CHECK(worst * std::sqrt(n) < 1.95);
}

}  // namespace

TEST_CASE("Latent::normal") { check_distribution(drawn(Latent::normal(size)), normal_distribution, 1, 3); }

TEST_CASE("Latent::uniform") {
  for (const double bound : {1.0, 2.5}) {
    const auto x = drawn(Latent::uniform(size, bound));
    check_distribution(x, [=](double v) { return (v + bound) / (2 * bound); }, bound * bound / 3, std::pow(bound, 4) / 5);
    for (const double v : x) REQUIRE(std::abs(v) < bound);
  }
}

TEST_CASE("Latent::truncated_normal") {
  for (const double b : {0.5, 2.0}) {
    const auto x = drawn(Latent::truncated_normal(size, b));
    const double inside = 1 - 2 * normal_distribution(-b), density = std::exp(-b * b / 2) / std::sqrt(2 * std::numbers::pi);
    const double variance = 1 - 2 * b * density / inside;
    const double fourth = 3 * variance - 2 * b * b * b * density / inside;  // by parts
    check_distribution(x, [=](double v) { return (normal_distribution(v) - normal_distribution(-b)) / inside; }, variance, fourth);
    for (const double v : x) REQUIRE(std::abs(v) <= b);
  }
}

TEST_CASE("row i depends on the stream and i alone, for an odd size too") {
  Context<Cpu> context(1), threads(3);
  for (const Latent& latent : {Latent::normal(7), Latent::uniform(7), Latent::truncated_normal(7)}) {
    Tensor<float> few, many, other;
    latent.draw(context, RandomStream(3), 5, few);
    latent.draw(threads, RandomStream(3), 4000, many);
    for (index_t i = 0; i < few.count(); ++i) CHECK(many[i] == few[i]);
    latent.draw(context, RandomStream(4), 5, other);
    CHECK(other.to_host() != few.to_host());
    std::vector<float> values = many.to_host();
    std::sort(values.begin(), values.end());
    CHECK(std::adjacent_find(values.begin(), values.end(), [](float a, float b) { return a == b && a == 0; }) == values.end());
  }
}

TEST_CASE("neighbouring values and rows are not correlated") {
  const auto x = drawn(Latent::normal(size), 9);
  for (const std::size_t lag : {1ul, 2ul, 3ul, static_cast<std::size_t>(size)}) {
    double total = 0;
    for (std::size_t i = lag; i < x.size(); ++i) total += x[i] * x[i - lag];
    CAPTURE(lag);
    CHECK(std::abs(total / static_cast<double>(x.size())) < 5 / std::sqrt(static_cast<double>(x.size())));
  }
}

TEST_CASE("a latent knows what it is, and refuses what makes no sense") {
  const Latent latent = Latent::truncated_normal(12, 1.5);
  CHECK(latent.size() == 12);
  CHECK(latent.bound() == 1.5);
  CHECK(latent.distribution() == Latent::Distribution::truncated_normal);
  CHECK(message_of<ShapeError>([] { Latent::normal(0); }) == "Latent: expected at least 1 dimension, got 0.\nUse 100.");
  CHECK(message_of<ShapeError>([] { Latent::uniform(4, 0); }) == "Latent: expected a positive, finite bound, got 0.\nUse 1 or 2.");
  for (const double bound : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(Latent::uniform(4, bound), ShapeError);
    CHECK_THROWS_AS(Latent::truncated_normal(4, bound), ShapeError);
  }
}
