// SPDX-License-Identifier: Apache-2.0
#include "nash/core/random.hpp"

#include <set>

#include "distribution.hpp"

#include <doctest/doctest.h>

using namespace nash;

namespace {

constexpr index_t many = 100000;

std::vector<double> draw(auto number) {
  std::vector<double> values(many);
  for (index_t i = 0; i < many; ++i) values[static_cast<std::size_t>(i)] = number(i);
  return values;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0, ma = 0, mb = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) ma += a[i] / n, mb += b[i] / n;
  for (std::size_t i = 0; i < a.size(); ++i) ab += (a[i] - ma) * (b[i] - mb), aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb);
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("philox4x32 gives the known answers of Random123's kat_vectors") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream is addressed by position, seed and stream, at compile time too") {
  constexpr RandomStream stream(42, 7);
  static_assert(stream.bits(5) == RandomStream(42, 7).bits(5));
  static_assert(stream.bits(5) != RandomStream(43, 7).bits(5) && stream.bits(5) != RandomStream(42, 8).bits(5));
  static_assert(stream.bits(0) == philox4x32({0, 0, 7, 0}, {42, 0})[0] && stream.bits(7) == philox4x32({1, 0, 7, 0}, {42, 0})[3]);
  static_assert(RandomStream(1).bits(index_t{1} << 40) == philox4x32({0, 1u << 6, 0, 0}, {1, 0})[0]);
  static_assert(RandomStream(std::uint64_t{1} << 32).bits(0) != RandomStream(0).bits(0));
}

TEST_CASE("uniform numbers lie strictly between 0 and 1, evenly") {
  const RandomStream stream(1);
  const auto values = draw([&](index_t i) { return stream.uniform(i); });
  CHECK(kolmogorov_distance(values, [](double x) { return x; }) < kolmogorov_bound(many));
  CHECK(*std::min_element(values.begin(), values.end()) > 0);
  CHECK(*std::max_element(values.begin(), values.end()) < 1);
  double mean = 0, square = 0;
  for (const double value : values) mean += value / many, square += value * value / many;
  CHECK(mean == doctest::Approx(0.5).epsilon(0.01));
  CHECK(square - mean * mean == doctest::Approx(1.0 / 12).epsilon(0.02));
}

TEST_CASE("normal numbers are normal, and the two halves of a pair have nothing to do with each other") {
  const RandomStream stream(2);
  const auto values = draw([&](index_t i) { return stream.normal(i); });
  CHECK(kolmogorov_distance(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }) < kolmogorov_bound(many));
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
  for (const double value : values) {
    mean += value / many, variance += value * value / many, skew += std::pow(value, 3) / many, kurtosis += std::pow(value, 4) / many;
    REQUIRE(std::isfinite(value));
  }
  CHECK(std::abs(mean) < 4 / std::sqrt(many));
  CHECK(variance == doctest::Approx(1).epsilon(0.02));
  CHECK(std::abs(skew) < 0.04);
  CHECK(kurtosis == doctest::Approx(3).epsilon(0.04));
  const auto next = draw([&](index_t i) { return stream.normal(i + 1); });
  CHECK(std::abs(correlation(values, next)) < 4 / std::sqrt(many));
  const auto squared = [](std::vector<double> x) {
    for (double& value : x) value *= value;
    return x;
  };
  CHECK(std::abs(correlation(squared(values), squared(next))) < 4 / std::sqrt(many));
}

TEST_CASE("children are streams of their own") {
  const RandomStream parent(3);
  CHECK(parent.child(1) == RandomStream(3).child(1));
  CHECK(parent.child(0) != parent);
  std::set<std::uint32_t> firsts;
  for (std::uint64_t id = 0; id < 1000; ++id) firsts.insert(parent.child(id).bits(0));
  for (std::uint64_t id = 0; id < 1000; ++id) firsts.insert(parent.child(1).child(id).bits(0));
  CHECK(firsts.size() == 2000);
  CHECK(parent.child(1).child(2) != parent.child(2).child(1));
  const auto one = draw([&](index_t i) { return parent.child(1).uniform(i); }), two = draw([&](index_t i) { return parent.child(2).uniform(i); }),
             self = draw([&](index_t i) { return parent.uniform(i); });
  CHECK(std::abs(correlation(one, two)) < 4 / std::sqrt(many));
  CHECK(std::abs(correlation(one, self)) < 4 / std::sqrt(many));
}

TEST_CASE("normal_quantile gives the tabulated values") {
  CHECK(normal_quantile(0.5) == 0);
  CHECK(normal_quantile(0.75) == doctest::Approx(0.67448975019608174).epsilon(1e-15));
  CHECK(normal_quantile(0.975) == doctest::Approx(1.9599639845400542).epsilon(1e-15));
  CHECK(normal_quantile(0.001) == doctest::Approx(-3.0902323061678135).epsilon(1e-15));
  CHECK(normal_quantile(1e-20) == doctest::Approx(-9.2623400897984190).epsilon(1e-14));
  CHECK(normal_quantile(0.925) == doctest::Approx(-normal_quantile(0.075)).epsilon(1e-14));
}

TEST_CASE("normal_quantile inverts the distribution function") {
  double worst = 0;
  for (double x = -8; x <= 5; x += 0.013) {
    const double p = 0.5 * std::erfc(-x / std::sqrt(2.0));
    // What the rounding of p itself does to x: ε·p / density.
    const double rounding = 2.3e-16 * p / (std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi));
    worst = std::max(worst, std::abs(normal_quantile(p) - x) - 4 * rounding);
  }
  CHECK(worst < 1e-14);
}
