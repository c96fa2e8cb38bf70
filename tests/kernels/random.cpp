// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/random.hpp"

#include "distribution.hpp"
#include "kernels/comparison.hpp"

using namespace nash;

namespace {

double standard_normal(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

std::vector<double> drawn_uniforms(index_t count, RandomStream random, double low, double high) {
  std::vector<double> values(static_cast<std::size_t>(count) + 1, -99);
  Context<Cpu> context(1);
  fill_uniform(context, random, low, high, count, values.data());
  CHECK(values.back() == -99);
  values.pop_back();
  return values;
}

template <class Function>
std::vector<double> drawn(index_t count, int threads, Function function) {
  std::vector<double> values(static_cast<std::size_t>(count));
  function.x = values.data();
  Context<Cpu> context(threads);
  pointwise(context, count, function);
  return values;
}

std::vector<double> drawn_normals(index_t count, int threads, RandomStream random, double mean, double deviation) {
  std::vector<double> values(static_cast<std::size_t>(count) + 1, -99);
  Context<Cpu> context(threads);
  fill_normal(context, random, mean, deviation, count, values.data());
  CHECK(values.back() == -99);
  values.pop_back();
  return values;
}

}  // namespace

TEST_CASE("numbers four at a time are those one by one, for any number of them") {
  const RandomStream random(5, 7);
  for (const index_t count : {1, 2, 3, 4, 5, 1001}) {
    const auto normals = drawn_normals(count, 1, random, 0, 1), uniforms = drawn_uniforms(count, random, 0, 1);
    for (index_t i = 0; i < count; ++i) {
      REQUIRE(normals[static_cast<std::size_t>(i)] == doctest::Approx(random.normal(i)).epsilon(1e-14));  // vector instructions round once less
      REQUIRE(uniforms[static_cast<std::size_t>(i)] == random.uniform(i));
    }
  }
}

TEST_CASE("normal and uniform values have their distributions") {
  const RandomStream random(17);
  CHECK(kolmogorov_distance(drawn_uniforms(100000, random, -2, 3), [](double x) { return (x + 2) / 5; }) < kolmogorov_bound(100000));
  CHECK(kolmogorov_distance(drawn_normals(100000, 1, random, 1, 0.5), [](double x) { return standard_normal((x - 1) / 0.5); }) <
        kolmogorov_bound(100000));
}

TEST_CASE("truncated normal values have their distribution, within the bound, at any bound") {
  for (const double bound : {0.1, 0.5, 1.0, 2.0, 4.0}) {
    CAPTURE(bound);
    const double tail = standard_normal(-bound);
    const auto values = drawn(100000, 1, FillTruncatedNormal<double>{RandomStream(3), tail, nullptr});
    CHECK(kolmogorov_distance(values, [&](double x) { return (standard_normal(x) - tail) / (1 - 2 * tail); }) < kolmogorov_bound(100000));
    for (const double value : values) REQUIRE(std::abs(value) <= bound * (1 + 1e-12));
    CHECK(*std::max_element(values.begin(), values.end()) > 0.8 * bound);
  }
}

TEST_CASE("filling does not depend on the threads or the device") {
  const auto one = drawn_normals(500000, 1, RandomStream(1), 0, 1);
  CHECK((drawn_normals(500000, 3, RandomStream(1), 0, 1) == one));
  std::vector<double> naive(500000);
  Context<Reference> reference(1);
  fill_normal(reference, RandomStream(1), 0, 1, 500000, naive.data());
  CHECK((naive == one));
}
