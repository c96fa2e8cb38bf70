// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/loss/least_squares.hpp"
#include "nash/loss/relativistic_average.hpp"
#include "nash/loss/wasserstein.hpp"

using namespace nash;

namespace {

/// One term of a loss on the logits of `from`: its mean, and its gradient.
template <LossTerm term, class T, class L>
void check_term(const Golden& golden, const std::string& from, const std::string& value, const std::string& gradient,
                double tolerance, const L& loss = {}) {
  Context<Cpu> context;
  const Tensor<T> logits = golden.tensor<T>(from);
  Tensor<T> d_logits;
  check_close(evaluate_loss<term>(context, loss, logits, d_logits), golden.entry(value), tolerance);
  check_close(d_logits, golden.entry(gradient), tolerance);
}

template <class T, LogitLoss L>
void check_loss(const Golden& golden, const std::string& name, const std::string& key, const L& loss, double tolerance) {
  check_term<LossTerm::real, T>(golden, name + "real", name + key + ".real", name + key + ".d_real", tolerance, loss);
  check_term<LossTerm::fake, T>(golden, name + "fake", name + key + ".fake", name + key + ".d_fake", tolerance, loss);
  check_term<LossTerm::generator, T>(golden, name + "fake", name + key + ".generator", name + key + ".g_fake", tolerance, loss);
}

template <class T, PairLoss L>
void check_loss(const Golden& golden, const std::string& name, const std::string& key, const L& loss, double tolerance) {
  Context<Cpu> context;
  const Tensor<T> real = golden.tensor<T>(name + "real"), fake = golden.tensor<T>(name + "fake");
  Tensor<T> d_real, d_fake, g_fake;
  const DiscriminatorLoss d = loss.discriminator(context, real, fake, d_real, d_fake);
  check_close(d.real, golden.entry(name + key + ".real"), tolerance);
  check_close(d.fake, golden.entry(name + key + ".fake"), tolerance);
  check_close(loss.generator(context, real, fake, g_fake), golden.entry(name + key + ".generator"), tolerance);
  const auto check_gradient = [&](const Tensor<T>& gradient, const std::string& entry) {
    const auto& expected = golden.entry(name + key + entry);
    const auto vanishes = [](auto value) { return std::abs(static_cast<double>(value)) < 1e-38; };  // below the smallest normal float
    if (std::all_of(expected.values.begin(), expected.values.end(), vanishes))
      CHECK(std::all_of(gradient.begin(), gradient.end(), vanishes));
    else
      check_close(gradient, expected, tolerance);
  };
  check_gradient(d_real, ".d_real");
  check_gradient(d_fake, ".d_fake");
  check_gradient(g_fake, ".g_fake");
}

template <class T>
void check_losses(double tolerance) {
  const Golden golden("losses");
  Context<Cpu> context;
  for (const std::string name : {"usual/", "discriminator_wins/", "discriminator_loses/", "far/"}) {
    check_term<LossTerm::real, T, Minimax>(golden, name + "real", name + "real_loss", name + "d_real", tolerance);
    check_term<LossTerm::fake, T, Minimax>(golden, name + "fake", name + "fake_loss", name + "d_fake", tolerance);
    check_term<LossTerm::real, T, NonSaturating>(golden, name + "real", name + "real_loss", name + "d_real", tolerance);
    check_term<LossTerm::fake, T, NonSaturating>(golden, name + "fake", name + "fake_loss", name + "d_fake", tolerance);
    check_term<LossTerm::generator, T, Minimax>(golden, name + "fake", name + "minimax.generator", name + "minimax.d_fake",
                                                tolerance);
    check_term<LossTerm::generator, T, NonSaturating>(golden, name + "fake", name + "non_saturating.generator",
                                                      name + "non_saturating.d_fake", tolerance);
    check_loss<T>(golden, name, "least_squares", LeastSquares{}, tolerance);
    check_loss<T>(golden, name, "least_squares.labels", LeastSquares{.a = -1, .b = 1, .c = 0}, tolerance);
    check_loss<T>(golden, name, "wasserstein", Wasserstein{}, tolerance);
    check_loss<T>(golden, name, "hinge", Hinge{}, tolerance);
    check_loss<T>(golden, name, "relativistic_average", RelativisticAverage{}, tolerance);
    check_loss<T>(golden, name, "relativistic_average.hinge", RelativisticAverage{Hinge{}}, tolerance);
    for (const std::string batch : {"real", "fake"})
      check_close(mean_probability(context, golden.tensor<T>(name + batch)), golden.entry(name + batch + "_probability"),
                  tolerance);
  }
}

}  // namespace

TEST_CASE("losses and their gradients are PyTorch's, at logits of ±1000 too") {
  check_losses<double>(1e-10);
  check_losses<float>(1e-4);
}
