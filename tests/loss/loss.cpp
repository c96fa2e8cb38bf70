// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/loss.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/loss/minimax.hpp"
#include "nash/loss/non_saturating.hpp"

using namespace nash;

namespace {

/// A loss of one's own, by which each term can be told from the others.
struct Marked {
  LossValue real(double l) const { return {l * l, 2 * l}; }
  LossValue fake(double l) const { return {3 * l, 3}; }
  LossValue generator(double l) const { return {-5 * l, -5}; }
};
static_assert(Loss<Minimax> && Loss<NonSaturating> && Loss<Marked> && !Loss<int>);

template <LossTerm term, class T = double>
std::pair<double, std::vector<T>> evaluated(const auto& loss, const Shape& shape, const std::vector<T>& logits) {
  Context<Cpu> context(1);
  Tensor<T> gradient;
  const double value = evaluate_loss<term>(context, loss, Tensor<T>(shape, logits), gradient);
  CHECK(gradient.shape() == shape);
  return {value, gradient.to_host()};
}

}  // namespace

TEST_CASE("softplus and logistic are exact where the naive formulas are, and safe beyond") {
  for (double x = -30; x <= 30; x += 0.37) {
    CAPTURE(x);
    CHECK(softplus(x) == doctest::Approx(static_cast<double>(std::log1p(std::exp(static_cast<long double>(x))))).epsilon(1e-15));
    CHECK(logistic(x) == doctest::Approx(static_cast<double>(1 / (1 + std::exp(-static_cast<long double>(x))))).epsilon(1e-15));
  }
  CHECK(softplus(1000) == 1000);
  CHECK(softplus(-1000) == 0);
  CHECK(softplus(-700) > 0);
  CHECK(logistic(1000) == 1);
  CHECK(logistic(-1000) == 0);
  CHECK(logistic(0) == 0.5);
  CHECK(softplus(1e308) == 1e308);
}

TEST_CASE("a term is the mean over the rows, and its gradient the slope over their number") {
  using Values = std::vector<double>;
  CHECK(evaluated<LossTerm::real>(Marked{}, {4, 1}, Values{1, -2, 3, 0}) == std::pair{14.0 / 4, Values{0.5, -1, 1.5, 0}});
  CHECK(evaluated<LossTerm::fake>(Marked{}, {4, 1}, Values{1, -2, 3, 0}) == std::pair{6.0 / 4, Values(4, 0.75)});
  CHECK(evaluated<LossTerm::generator>(Marked{}, {2, 1}, Values{1, -2}) == std::pair{2.5, Values(2, -2.5)});
  CHECK(evaluated<LossTerm::real>(Marked{}, {1, 1}, Values{3}) == std::pair{9.0, Values{6}});
}

TEST_CASE("columns but the first neither count nor get a gradient") {
  using Values = std::vector<double>;
  CHECK(evaluated<LossTerm::real>(Marked{}, {2, 3}, Values{1, 77, std::nan(""), -3, 1e300, -5}) == std::pair{5.0, Values{1, 0, 0, -3, 0, 0}});
  CHECK(evaluated<LossTerm::generator>(Marked{}, {2, 2}, Values{1, 9, 2, 9}) == std::pair{-7.5, Values{-2.5, 0, -2.5, 0}});
  Context<Cpu> context(1);
  CHECK(mean_probability(context, Tensor<double>({2, 3}, Values{0, 9, 9, 1000, 9, 9})) == 0.75);
}

TEST_CASE("the gradient of a term is that of its mean, by differences, for rows that fill many chunks") {
  const index_t rows = 20000;
  std::vector<float> logits;
  for (index_t i = 0; i < 2 * rows; ++i) logits.push_back(static_cast<float>(3 * RandomStream(1).normal(i)));
  double real = 0, fake = 0, generator = 0;
  for (index_t row = 0; row < rows; ++row) {
    const double l = static_cast<double>(logits[static_cast<std::size_t>(2 * row)]);
    real += std::log1p(std::exp(-l)) / static_cast<double>(rows);
    fake += std::log1p(std::exp(l)) / static_cast<double>(rows);
    generator += std::log1p(std::exp(-l)) / static_cast<double>(rows);
  }
  const auto of_real = evaluated<LossTerm::real>(NonSaturating{}, {rows, 2}, logits);
  CHECK(of_real.first == doctest::Approx(real).epsilon(1e-12));
  CHECK(evaluated<LossTerm::fake>(NonSaturating{}, {rows, 2}, logits).first == doctest::Approx(fake).epsilon(1e-12));
  CHECK(evaluated<LossTerm::generator>(NonSaturating{}, {rows, 2}, logits).first == doctest::Approx(generator).epsilon(1e-12));
  for (const std::size_t row : {0ul, 7777ul, 19999ul}) {
    CHECK(of_real.second[2 * row] == doctest::Approx(-logistic(-static_cast<double>(logits[2 * row])) / rows).epsilon(1e-6));
    CHECK(of_real.second[2 * row + 1] == 0);
  }
}

TEST_CASE("a logit that is not finite makes the mean and its own gradient NaN, at infinity too") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    const auto [value, gradient] = evaluated<LossTerm::generator>(NonSaturating{}, {3, 1}, std::vector<double>{0, bad, 0});
    CHECK(std::isnan(value));
    CHECK(std::isnan(gradient[1]));
    CHECK(gradient[0] == -0.5 / 3);
  }
}

TEST_CASE("mean_probability is the mean of σ(logit)") {
  Context<Cpu> context(1);
  const std::vector<double> logits{-1000, -1, 0, 2, 1000};
  double expected = 0;
  for (const double l : logits) expected += (l < -500 ? 0 : 1 / (1 + std::exp(-l))) / 5;
  CHECK(mean_probability(context, Tensor<double>({5, 1}, logits)) == doctest::Approx(expected).epsilon(1e-15));
}

TEST_CASE("what is no batch of logits") {
  Context<Cpu> context(1);
  Tensor<float> gradient;
  for (const Shape& shape : {Shape{4}, Shape{4, 2, 2, 1}, Shape{0, 1}, Shape{3, 0}}) {
    const auto logits = Tensor<float>::zeros(shape);
    CHECK(message_of<ShapeError>([&] { evaluate_loss<LossTerm::real>(context, Minimax{}, logits, gradient); }) ==
          concat({"evaluate_loss: expected N×(1+C) logits of at least one sample, got ", shape, ".\nEnd the discriminator with Dense{…, 1}."}));
    CHECK(message_of<ShapeError>([&] { mean_probability(context, logits); }).starts_with("mean_probability: expected N×(1+C) logits"));
  }
}
