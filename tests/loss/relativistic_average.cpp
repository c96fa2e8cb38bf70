// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/relativistic_average.hpp"

#include <doctest/doctest.h>

#include "nash/loss/hinge.hpp"
#include "nash/loss/least_squares.hpp"
#include "nash/loss/wasserstein.hpp"

using namespace nash;

static_assert(PairLoss<RelativisticAverage<>> && PairLoss<RelativisticAverage<Hinge>> && !LogitLoss<RelativisticAverage<>> && !PairLoss<Hinge>);
static_assert(std::is_same_v<decltype(RelativisticAverage{}), RelativisticAverage<NonSaturating>>);

namespace {

using Values = std::vector<double>;

/// Both players' losses and gradients at given logits, column 0 of `columns`.
struct Evaluated {
  DiscriminatorLoss d;
  double g;
  Values d_real, d_fake, g_fake;

  Evaluated(const auto& loss, const Values& real, const Values& fake, index_t columns = 1) {
    Context<Cpu> context(1);
    const auto logits = [&](const Values& values) { return Tensor<double>(Shape{static_cast<index_t>(values.size()) / columns, columns}, values); };
    Tensor<double> by_real, by_fake, by_generator;
    d = loss.discriminator(context, logits(real), logits(fake), by_real, by_fake);
    g = loss.generator(context, logits(real), logits(fake), by_generator);
    d_real = by_real.to_host(), d_fake = by_fake.to_host(), g_fake = by_generator.to_host();
  }
};

void check_gradients(const auto& loss, Values real, Values fake) {
  const Evaluated at(loss, real, fake);
  const double h = 1e-5;
  const auto slope = [&](double& l, bool generator) {
    const double kept = l;
    l = kept + h;
    const Evaluated above(loss, real, fake);
    l = kept - h;
    const Evaluated below(loss, real, fake);
    l = kept;
    const auto value = [&](const Evaluated& e) { return generator ? e.g : e.d.real + e.d.fake; };
    return (value(above) - value(below)) / (2 * h);
  };
  for (std::size_t i = 0; i < real.size(); ++i) CHECK(std::abs(at.d_real[i] - slope(real[i], false)) < 1e-9);
  for (std::size_t i = 0; i < fake.size(); ++i) {
    CHECK(std::abs(at.d_fake[i] - slope(fake[i], false)) < 1e-9);
    CHECK(std::abs(at.g_fake[i] - slope(fake[i], true)) < 1e-9);
  }
}

}  // namespace

TEST_CASE("RelativisticAverage's gradients are differences of its values, through the other side's mean") {
  const Values real{1.3, -0.4, 2.2, 0.7}, fake{-0.3, 0.9, 1.6};
  check_gradients(RelativisticAverage{}, real, fake);
  check_gradients(RelativisticAverage{LeastSquares{.a = -1}}, real, fake);
  check_gradients(RelativisticAverage{Hinge{}}, real, fake);
}

TEST_CASE("RelativisticAverage is the paper's formula") {
  const Values real{2, 0}, fake{-1, 4};  // means 1 and 1.5
  const Evaluated at(RelativisticAverage{}, real, fake);
  const auto f = [](double x) { return std::log1p(std::exp(x)); };
  CHECK(at.d.real == doctest::Approx((f(-(2 - 1.5)) + f(-(0 - 1.5))) / 2).epsilon(1e-14));
  CHECK(at.d.fake == doctest::Approx((f(-1 - 1.0) + f(4 - 1.0)) / 2).epsilon(1e-14));
  CHECK(at.g == doctest::Approx((f(2 - 1.5) + f(0 - 1.5) + f(-(-1 - 1.0)) + f(-(4 - 1.0))) / 2).epsilon(1e-14));
}

TEST_CASE("RelativisticAverage reads the first column alone, and is safe at ±1000") {
  const Evaluated heads(RelativisticAverage{}, {2, 77, 0, -5}, {-1, 3, 4, 9}, 2), plain(RelativisticAverage{}, {2, 0}, {-1, 4});
  CHECK(heads.d.real == plain.d.real);
  CHECK(heads.g == plain.g);
  CHECK(heads.d_real == Values{plain.d_real[0], 0, plain.d_real[1], 0});
  CHECK(heads.g_fake == Values{plain.g_fake[0], 0, plain.g_fake[1], 0});
  const Evaluated far(RelativisticAverage{}, {1000, 1000}, {-1000, -1000});
  CHECK(far.d.real == 0);
  CHECK(far.d.fake == 0);
  CHECK(far.g == 4000);
  CHECK(far.g_fake == Values{-1, -1});  // half a slope of its own and half by the mean, each twice
}

TEST_CASE("a logit that is not finite makes every value of RelativisticAverage NaN") {
  const Evaluated bad(RelativisticAverage{}, {std::nan(""), 0}, {1, 2});
  CHECK(std::isnan(bad.d.real));
  CHECK(std::isnan(bad.d.fake));
  CHECK(std::isnan(bad.g));
}
