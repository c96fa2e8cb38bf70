// SPDX-License-Identifier: Apache-2.0
#include "nash/sample/rejection.hpp"

#include <doctest/doctest.h>

#include "distribution.hpp"
#include "message_of.hpp"
#include "nash/nn/conditional_affine.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/sequential.hpp"

using namespace nash;

namespace {

/// Samples x ~ U(−1, 1), and a discriminator slope·x + offset.
struct Line {
  Generator<Sequential<Dense<double>>> generator{Latent::uniform(1), Sequential{Dense<double>{1, 1}}};
  Discriminator<Sequential<Dense<double>>> discriminator{Sequential{Dense<double>{1, 1}}};

  Line(double slope, double offset) {
    generator.initialise(1), discriminator.initialise(1);
    generator.parameters().assign_from_host(std::vector<double>{1, 0});
    discriminator.parameters().assign_from_host(std::vector<double>{slope, offset});
  }
  std::vector<double> sample(const RejectionOptions& options, index_t count = 4000) const {
    Context<Cpu> context(1);
    return DiscriminatorRejection{options}.sample(context, generator, discriminator, RandomStream(4), count).to_host();
  }
};

/// Real samples have the density a·exp(a·x)/(2·sinh a) on [−1, 1]: the logarithm of its ratio to U(−1, 1) is a·x + log(a/sinh a).
constexpr double a = 2;
const double ratio_offset = std::log(a / std::sinh(a));
double target(double x) { return (std::exp(a * x) - std::exp(-a)) / (std::exp(a) - std::exp(-a)); }
double inverse_target(double u) { return std::log(std::exp(-a) + u * (std::exp(a) - std::exp(-a))) / a; }

constexpr RejectionOptions exact{.percentile = std::nullopt, .burn_in = 2000};

}  // namespace

TEST_CASE("rejection sampling by the true ratio of densities gives the target's distribution, by Kolmogorov's test") {
  const Line line(a, ratio_offset);
  const auto x = line.sample(exact);
  CHECK(x.size() == 4000);
  CHECK(kolmogorov_distance(x, target) < kolmogorov_bound(4000));
  CHECK(kolmogorov_distance(x, [](double v) { return (v + 1) / 2; }) > 0.2);
  CHECK(kolmogorov_distance(line.sample({.percentile = 5, .burn_in = 2000}), target) > 5 * kolmogorov_bound(4000));  // γ keeps more
  CHECK(line.sample(exact, 7) == std::vector<double>(x.begin(), x.begin() + 7));
}

TEST_CASE("a discriminator that is too sure of itself is set right by calibration on samples of its own") {
  const Line sure(3 * a, 3 * ratio_offset - 0.7);
  std::vector<double> real, fake;
  const RandomStream random(9);
  for (index_t i = 0; i < 40000; ++i) {
    real.push_back(3 * (a * inverse_target(random.uniform(i)) + ratio_offset) - 0.7);
    fake.push_back(3 * (a * (2 * random.child(1).uniform(i) - 1) + ratio_offset) - 0.7);
  }
  const auto calibration = LogitCalibration::fit(real, fake);
  CHECK(calibration.slope == doctest::Approx(1.0 / 3).epsilon(0.02));
  CHECK(calibration.offset == doctest::Approx(0.7 / 3).epsilon(0.1));
  CHECK(kolmogorov_distance(sure.sample(exact), target) > 5 * kolmogorov_bound(4000));
  RejectionOptions calibrated = exact;
  calibrated.calibration = calibration;
  CHECK(kolmogorov_distance(sure.sample(calibrated), target) < kolmogorov_bound(4000));
}

TEST_CASE("the calibration is where the gradient of its loss is zero, and finite for any logits") {
  const auto check = [](const std::vector<double>& real, const std::vector<double>& fake) {
    const auto fit = LogitCalibration::fit(real, fake);
    double by_slope = 0, by_offset = 0, scale = 0;
    const auto add = [&](const std::vector<double>& side, double label) {
      for (const double l : side) {
        const double d = (1 / (1 + std::exp(-fit(l))) - label) / static_cast<double>(side.size());
        by_slope += d * l, by_offset += d, scale = std::max(scale, std::abs(l));
      }
    };
    add(real, (static_cast<double>(real.size()) + 1) / (static_cast<double>(real.size()) + 2));
    add(fake, 1 / (static_cast<double>(fake.size()) + 2));
    CHECK(std::abs(by_slope) < 1e-8 * scale);
    CHECK(std::abs(by_offset) < 1e-8);
    return fit;
  };
  check({1, 2, -0.5, 3}, {0, -1, 2});
  CHECK(check({1000, 1001, 1002}, {-1000, -1001}).slope < 0.01);  // told apart without fail: finite all the same
  check({-1, -2}, {1, 2, 3});                                     // worse than chance: a slope below 0
  const auto same = check({5, 5, 5}, {5, 5, 5});
  CHECK(std::abs(same(5)) < 1e-9);
  CHECK(message_of<ShapeError>([] { LogitCalibration::fit({}, std::vector<double>{1}); }) ==
        "LogitCalibration: expected logits of real and of generated samples, got 0 and 1.\nGive both.");
  CHECK(message_of<NumericError>([] { LogitCalibration::fit(std::vector<double>{std::nan("")}, std::vector<double>{1}); })
            .starts_with("LogitCalibration: expected finite logits"));
}

TEST_CASE("the probability of being kept is that of the formula, and the maximum only rises") {
  DiscriminatorRejection plain{{.percentile = std::nullopt}}, shifted{{.percentile = 50}};
  const std::vector<double> logits{-1, 0.5, 2, 1};
  const auto p = plain.acceptance(logits), q = shifted.acceptance(logits);
  CHECK(plain.maximum() == 2);
  const auto f = [](double l) { return l - 2 - std::log(1 - std::exp(l - 2 - 1e-8)); };
  const double gamma = (f(0.5) + f(1)) / 2;  // the median
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(p[i] == doctest::Approx(std::exp(logits[i] - 2)).epsilon(1e-6));
    CHECK(q[i] == doctest::Approx(1 / (1 + std::exp(gamma - f(logits[i])))).epsilon(1e-6));
  }
  const auto later = plain.acceptance(std::vector<double>{-3, 0});
  CHECK(plain.maximum() == 2);
  CHECK(later[1] == doctest::Approx(std::exp(-2)).epsilon(1e-6));
  plain.observe(std::vector<double>{1000});
  CHECK(plain.acceptance(std::vector<double>{1000})[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(plain.acceptance(std::vector<double>{-1000})[0] == 0);
}

TEST_CASE("with labels it gives each class its own distribution, and each request its class") {
  Context<Cpu> context(1);
  Generator g{Latent::uniform(1), Sequential{ConditionalAffine<double>{3, 1}}};  // class k lies about 10·k
  Discriminator d{Sequential{ConditionalAffine<double>{3, 1}}};                  // and its logit is a line about there
  g.initialise(1), d.initialise(1);
  g.parameters().assign_from_host(std::vector<double>{1, 1, 1, 0, 10, 20});
  d.parameters().assign_from_host(std::vector<double>{a, -a, 0, ratio_offset, ratio_offset + a * 10, 0});
  std::vector<std::int32_t> asked(6000);
  for (std::size_t i = 0; i < asked.size(); ++i) asked[i] = static_cast<std::int32_t>(i % 7 % 3);
  const Labels<> labels(asked);
  const auto x = DiscriminatorRejection{exact}.sample(context, g, d, RandomStream(4), labels).to_host();
  std::vector<double> of[3];
  for (std::size_t i = 0; i < x.size(); ++i) of[asked[i]].push_back(x[i] - 10 * asked[i]);
  const auto check = [&](int label, auto&& distribution) {
    CHECK(of[label].size() > 1500);
    CHECK(kolmogorov_distance(of[label], distribution) < kolmogorov_bound(static_cast<double>(of[label].size())));
  };
  check(0, target);
  check(1, [](double v) { return 1 - target(-v); });
  check(2, [](double v) { return (v + 1) / 2; });
  CHECK(kolmogorov_distance(of[0], [](double v) { return (v + 1) / 2; }) > 0.2);

  CHECK(message_of<ShapeError>([&] { DiscriminatorRejection{}.sample(context, g, d, RandomStream(4), Labels<>{}); })
            .starts_with("DiscriminatorRejection: expected a number of labels of at least 1, got 0"));
  CHECK(message_of<ShapeError>([&] { DiscriminatorRejection{}.sample(context, g, d, RandomStream(4), Labels<>(std::vector<std::int32_t>{3})); })
            .find("expected labels from 0 to 2, got labels of 4 classes") != std::string::npos);
  CHECK(message_of<ShapeError>([&] { DiscriminatorRejection{}.sample(context, g, d, RandomStream(4), 2); }).find("a label for each of 256 samples, got none") !=
        std::string::npos);
}

TEST_CASE("what rejection sampling refuses") {
  CHECK(message_of<ShapeError>([] { DiscriminatorRejection({.percentile = 100}); }) ==
        "DiscriminatorRejection: expected a percentile from 0 to below 100, got 100.\nUse 80, or std::nullopt for γ = 0.");
  CHECK(message_of<ShapeError>([] { DiscriminatorRejection({.batch = 0}); }).starts_with("DiscriminatorRejection: expected a batch of at least 1, got 0"));
  CHECK(message_of<NumericError>([] { DiscriminatorRejection{}.acceptance(std::vector<double>{std::nan("")}); })
            .starts_with("DiscriminatorRejection: expected finite logits, got nan"));
  const Line steep(300, 0);  // one sample in a few hundred is near enough to the maximum
  CHECK(message_of<Error>([&] { steep.sample({.percentile = std::nullopt, .burn_in = 20000, .batch = 16, .limit = 20}, 50); })
            .starts_with("DiscriminatorRejection: expected at least one sample in 20 kept, got "));
}
