// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/init.hpp"

#include "message_of.hpp"
#include "nash/nn/dense.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

template <class D = Cpu, class T = double>
Tensor<T, D> drawn(const Init& init, const Shape& shape, const Fans& fans = {}, std::uint64_t seed = 1, int threads = 1) {
  Context<D> context(threads);
  Tensor<T, D> x(shape);
  init.fill(context, RandomStream(seed), fans, x);
  return x;
}

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0, least = 1e300, largest = -1e300;

  explicit Moments(const Tensor<double>& x) {
    const auto n = static_cast<double>(x.count());
    for (const double value : x) mean += value / n, least = std::min(least, value), largest = std::max(largest, value);
    for (const double value : x) variance += (value - mean) * (value - mean) / n;
    for (const double value : x) kurtosis += std::pow(value - mean, 4) / (n * variance * variance);
  }
};

constexpr index_t many = 200000;

}  // namespace

TEST_CASE("constants are constant") {
  CHECK(drawn(Init::zeros(), {3}).to_host() == std::vector<double>{0, 0, 0});
  CHECK(drawn(Init::ones(), {2}).to_host() == std::vector<double>{1, 1});
  CHECK(drawn(Init::constant(-0.5), {1}).to_host() == std::vector<double>{-0.5});
}

TEST_CASE("normal initialisers have the mean, deviation and tails of their distribution") {
  const auto check = [](const Init& init, const Fans& fans, double mean, double deviation) {
    const Moments moments(drawn(init, {many}, fans));
    CHECK(std::abs(moments.mean - mean) < 4 * deviation / std::sqrt(many));
    CHECK(std::sqrt(moments.variance) == doctest::Approx(deviation).epsilon(0.01));
    CHECK(moments.kurtosis == doctest::Approx(3).epsilon(0.03));
  };
  check(Init::normal(0.5), {}, 0, 0.5);
  check(Init::normal(0.02, 1), {}, 1, 0.02);
  check(Init::dcgan(), {}, 0, 0.02);
  check(Init::he(), {.in = 50, .out = 3}, 0, std::sqrt(2.0 / 50));
  check(Init::he(0.2), {.in = 50, .out = 3}, 0, std::sqrt(2.0 / (1.04 * 50)));
}

TEST_CASE("uniform initialisers fill their interval evenly and never leave it") {
  const auto check = [](const Init& init, const Fans& fans, double bound) {
    const Moments moments(drawn(init, {many}, fans));
    CHECK(std::abs(moments.mean) < 4 * bound / std::sqrt(3.0 * many));
    CHECK(moments.variance == doctest::Approx(bound * bound / 3).epsilon(0.01));
    CHECK(moments.least > -bound);
    CHECK(moments.largest < bound);
    CHECK(moments.largest > 0.999 * bound);
    CHECK(moments.least < -0.999 * bound);
  };
  check(Init::uniform(0.3), {}, 0.3);
  check(Init::glorot(), {.in = 20, .out = 30}, std::sqrt(6.0 / 50));
  check(Init::glorot(2), {.in = 20, .out = 30}, 2 * std::sqrt(6.0 / 50));
}

TEST_CASE("orthogonal initialisers give orthonormal rows or columns, whichever are fewer") {
  for (const auto& [rows, columns, gain] : {std::tuple{5, 12, 1.0}, std::tuple{12, 5, 1.0}, std::tuple{40, 40, 1.5}, std::tuple{1, 7, 1.0}, std::tuple{7, 1, 0.1},
                                            std::tuple{67, 300, 1.0}, std::tuple{300, 67, 1.0}, std::tuple{129, 129, 1.0}}) {
    const auto x = drawn(Init::orthogonal(gain), {rows, columns}, {.rows = rows});
    const bool wide = rows <= columns;
    const index_t vectors = wide ? rows : columns, length = wide ? columns : rows;
    double worst = 0;
    for (index_t u = 0; u < vectors; ++u)
      for (index_t v = 0; v < vectors; ++v) {
        double product = 0;
        for (index_t i = 0; i < length; ++i) product += wide ? x[u * length + i] * x[v * length + i] : x[i * vectors + u] * x[i * vectors + v];
        worst = std::max(worst, std::abs(product - (u == v ? gain * gain : 0)));
      }
    CHECK(worst < 1e-13 * std::max(1.0, gain * gain));
  }
}

TEST_CASE("the same stream gives the same values, on every device and for every number of threads") {
  for (const Init& init : {Init::normal(1), Init::uniform(1), Init::glorot(), Init::he(), Init::orthogonal()}) {
    const Fans fans{.in = 300, .out = 100, .rows = 100};
    const auto values = drawn(init, {100, 300}, fans).to_host();
    CHECK((drawn(init, {100, 300}, fans, 1, 3).to_host() == values));
    CHECK((drawn<Reference>(init, {100, 300}, fans).to_host() == values));
    CHECK((drawn(init, {100, 300}, fans, 2).to_host() != values));
  }
}

TEST_CASE("single precision gets the rounded values of double") {
  const auto exact = drawn(Init::normal(1), {1000});
  const auto rounded = drawn<Cpu, float>(Init::normal(1), {1000});
  for (index_t i = 0; i < 1000; ++i) CHECK(rounded[i] == static_cast<float>(exact[i]));
}

TEST_CASE("numbers that are not finite are refused where the layer is built") {
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK(message_of<ShapeError>([&] { Dense<>(2, 3, {.init = Init::normal(value)}); }) ==
          concat({"Init: expected finite numbers, got ", value, " and 0.\nInit::dcgan() is a usual choice."}));
}
