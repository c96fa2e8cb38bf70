// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/adam.hpp"

#include "optim/rules.hpp"

using namespace nash;

namespace {

/// Algorithm 1 of the paper, line by line.
std::vector<double> paper(const Adam& options, int steps, const std::function<double(int)>& factor = [](int) { return 1.0; }) {
  auto theta = start_values();
  std::vector<double> m(theta.size(), 0), v(theta.size(), 0);
  for (int t = 1; t <= steps; ++t) {
    const auto g = gradients_at(t - 1);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      m[i] = options.beta1 * m[i] + (1 - options.beta1) * g[i];
      v[i] = options.beta2 * v[i] + (1 - options.beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(options.beta1, t)), v_hat = v[i] / (1 - std::pow(options.beta2, t));
      theta[i] -= factor(t - 1) * options.learning_rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
    }
  }
  return theta;
}

}  // namespace

TEST_CASE("Adam is the paper's algorithm") {
  for (const int steps : {1, 2, 7, 40}) {
    CAPTURE(steps);
    check_each(path_end(Adam{}, steps), paper(Adam{}, steps), 1e-13);
    const Adam other{.learning_rate = 0.03, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-4};
    check_each(path_end(other, steps), paper(other, steps), 1e-13);
    const Adam plain{.learning_rate = 0.03, .beta1 = 0, .beta2 = 0.9};
    check_each(path_end(plain, steps), paper(plain, steps), 1e-13);
  }
}

TEST_CASE("Adam's factor scales the rate of its step and nothing else") {
  const auto factor = [](int step) { return 1.0 / (1 + step); };
  check_each(path_end(Adam{}, 6, factor), paper(Adam{}, 6, factor), 1e-13);
  check_each(path_end(Adam{}, 6, [](int) { return 0.0; }), start_values(), 0);
}

TEST_CASE("Adam has DCGAN's defaults") {
  CHECK(Adam{}.learning_rate == 2e-4);
  CHECK(Adam{}.beta1 == 0.5);
  CHECK(Adam{}.beta2 == 0.999);
  CHECK(Adam{}.epsilon == 1e-8);
}

TEST_CASE("Adam with a gradient of zero stays where it is, from the first step on") {
  Context<Cpu> context(1);
  auto theta = Tensor<float>::zeros({3});
  Optimizer<float, Cpu> optimizer(Adam{}, 3);
  for (int i = 0; i < 3; ++i) optimizer.step(context, theta, Tensor<float>::zeros({3}));
  CHECK(theta.to_host() == std::vector<float>(3, 0));
}

TEST_CASE("Adam in float follows the paper too") {
  Context<Cpu> context(1);
  Tensor<float> theta({1}, std::vector<float>{1});
  Optimizer<float, Cpu> optimizer(Adam{.learning_rate = 0.01}, 1);
  optimizer.step(context, theta, Tensor<float>({1}, std::vector<float>{-1e-3f}));
  CHECK(theta[0] == doctest::Approx(1.01).epsilon(1e-6));  // rate · sign(g)
}

TEST_CASE("Adam refuses options that make no sense") {
  const auto message = [](const Adam& rule) { return message_of<ShapeError>([&] { Optimizer<float, Cpu>(rule, 1); }); };
  const double nan = std::nan("");
  CHECK(message({.beta1 = 1}) == "Adam: expected a beta1 from 0 to below 1, got 1.\nCorrect the option.");
  CHECK(message({.beta1 = -0.1}).starts_with("Adam: expected a beta1"));
  CHECK(message({.beta2 = 1.5}).starts_with("Adam: expected a beta2 from 0 to below 1, got 1.5."));
  CHECK(message({.beta2 = nan}).starts_with("Adam: expected a beta2"));
  CHECK(message({.learning_rate = -1e-3}).starts_with("Adam: expected a learning rate from 0"));
  CHECK(message({.learning_rate = nan}).starts_with("Adam: expected a learning rate"));
  CHECK(message({.learning_rate = std::numeric_limits<double>::infinity()}).starts_with("Adam: expected a learning rate"));
  CHECK(message({.epsilon = 0}).starts_with("Adam: expected an epsilon"));
  CHECK(message({.learning_rate = 0, .beta1 = 0, .beta2 = 0}) == "");
}
