// SPDX-License-Identifier: Apache-2.0
#include "nash/model/latent.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace nash;

namespace {

constexpr index_t draws = 2000, size = 50;  // 100,000 values

std::vector<double> drawn(const Latent& latent, std::uint64_t seed = 1) {
  Context<Cpu> context(2);
  Tensor<double> z;
  latent.draw(context, RandomStream(seed), draws, z);
  CHECK(z.shape() == Shape{draws, latent.size()});
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

TEST_CASE("Latent::class_normal is normal around a mean for each class, the same in every draw") {
  Context<Cpu> context(1);
  const Labels<> labels(std::vector<std::int32_t>(draws, 2)), others(std::vector<std::int32_t>(draws, 1));
  const Latent latent = Latent::class_normal(size, 3, 4, 0.5);
  CHECK(latent.classes() == 3);
  std::vector<double> means[2];
  for (const auto* own : {&labels, &others}) {
    Tensor<double> z;
    latent.draw(context, RandomStream(1), draws, z, own->view());
    std::vector<double>& mean = means[own == &others];
    mean.resize(size);
    for (index_t i = 0; i < z.count(); ++i) mean[static_cast<std::size_t>(i % size)] += z[i] / draws;
    std::vector<double> normalised(static_cast<std::size_t>(z.count()));
    // The means are within 0.5/√draws of what they are: 4 standard deviations are 0.045.
    for (index_t i = 0; i < z.count(); ++i) normalised[static_cast<std::size_t>(i)] = (z[i] - mean[static_cast<std::size_t>(i % size)]) / 0.5;
    check_distribution(normalised, normal_distribution, 1, 3);
    for (const double m : mean) CHECK(std::abs(m) < 4.05);
  }
  double distance = 0;
  for (std::size_t i = 0; i < size; ++i) distance = std::max(distance, std::abs(means[0][i] - means[1][i]));
  CHECK(distance > 3);  // of 8 at most, over 50 dimensions
  Tensor<double> z, again;
  latent.draw(context, RandomStream(1), 2, z, Labels<>(std::vector<std::int32_t>{2, 1}).view());
  latent.draw(context, RandomStream(1), 1, again, Labels<>(std::vector<std::int32_t>{2}).view());
  for (index_t i = 0; i < size; ++i) CHECK(z[i] == again[i]);
  CHECK(message_of<ShapeError>([&] { latent.draw(context, RandomStream(1), 2, z); }).starts_with("Latent: expected a label for each of 2 samples, got none."));
  CHECK(message_of<ShapeError>([&] { latent.draw(context, RandomStream(1), 1, z, Labels<>(std::vector<std::int32_t>{3}).view()); })
            .starts_with("Latent: expected labels from 0 to 2, got labels of 4 classes."));
}

TEST_CASE("codes stand behind the noise: categories equally likely and one-hot, continuous ones uniform") {
  const Latent latent = Latent::normal(3).with_category(4).with_category(2).with_continuous(2);
  CHECK(latent.size() == 11);
  CHECK(latent.first_code() == 3);
  CHECK(latent.categories() == std::vector<index_t>{4, 2});
  CHECK(latent.continuous() == 2);
  const auto z = drawn(latent);
  std::vector<double> counts(6), noise, continuous;
  double together = 0;
  for (std::size_t n = 0; n < draws; ++n) {
    const auto row = std::span(z).subspan(11 * n, 11);
    REQUIRE(std::accumulate(row.begin() + 3, row.begin() + 7, 0.0) == 1);
    REQUIRE(std::accumulate(row.begin() + 7, row.begin() + 9, 0.0) == 1);
    for (std::size_t k = 0; k < 6; ++k) counts[k] += row[3 + k];
    together += row[3] * row[7];
    noise.insert(noise.end(), row.begin(), row.begin() + 3);
    continuous.insert(continuous.end(), row.begin() + 9, row.end());
  }
  const auto within = [](double count, double p) { return std::abs(count - draws * p) < 4 * std::sqrt(draws * p * (1 - p)); };
  for (std::size_t k = 0; k < 6; ++k) CHECK(within(counts[k], k < 4 ? 0.25 : 0.5));
  CHECK(within(together, 0.125));  // independent of each other
  check_distribution(noise, normal_distribution, 1, 3);
  check_distribution(continuous, [](double v) { return (v + 1) / 2; }, 1.0 / 3, 0.2);
}

TEST_CASE("a latent knows what it is, and refuses what makes no sense") {
  const Latent latent = Latent::truncated_normal(12, 1.5);
  CHECK(latent.size() == 12);
  CHECK(latent.bound() == 1.5);
  CHECK(latent.distribution() == Latent::Distribution::truncated_normal);
  CHECK(message_of<ShapeError>([] { Latent::normal(0); }) == "Latent: expected at least 1 dimension, got 0.\nUse 100.");
  CHECK(message_of<ShapeError>([] { Latent::uniform(4, 0); }) == "Latent: expected a positive, finite bound, got 0.\nUse 1 or 2.");
  CHECK(message_of<ShapeError>([] { Latent::class_normal(4, 0); }) == "Latent: expected a number of classes of at least 1, got 0.\nCorrect it.");
  CHECK(message_of<ShapeError>([] { Latent::class_normal(4, 2, 1, 0); }) == "Latent: expected a positive, finite deviation, got 0.\nUse 0.5.");
  CHECK(message_of<ShapeError>([] { (void)Latent::normal(4).with_category(1); }).find("a number of categories of at least 2, got 1") != std::string::npos);
  CHECK(message_of<ShapeError>([] { (void)Latent::normal(4).with_continuous(1).with_category(3); }) ==
        "Latent: expected categories before continuous codes, got a category after them.\nCall with_continuous last.");
  for (const double bound : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(Latent::uniform(4, bound), ShapeError);
    CHECK_THROWS_AS(Latent::truncated_normal(4, bound), ShapeError);
  }
}
