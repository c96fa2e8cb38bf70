// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"
#include "nash/loss/non_saturating.hpp"

using namespace nash;

namespace {

/// One term of a loss on the logits of `from`: its mean, and its gradient.
template <LossTerm term, class T, class L>
void check_term(const Golden& golden, const std::string& from, const std::string& value, const std::string& gradient,
                double tolerance) {
  Context<Cpu> context;
  const Tensor<T> logits = golden.tensor<T>(from);
  Tensor<T> d_logits;
  check_close(evaluate_loss<term>(context, L{}, logits, d_logits), golden.entry(value), tolerance);
  check_close(d_logits, golden.entry(gradient), tolerance);
}

template <class T>
void check_all(double tolerance) {
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
    for (const std::string batch : {"real", "fake"})
      check_close(mean_probability(context, golden.tensor<T>(name + batch)), golden.entry(name + batch + "_probability"),
                  tolerance);
  }
}

}  // namespace

TEST_CASE("losses and their gradients are PyTorch's, at logits of ±1000 too") {
  check_all<double>(1e-10);
  check_all<float>(1e-4);
}
