// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/rmsprop.hpp"

#include "optim/rules.hpp"

using namespace nash;

TEST_CASE("RmsProp divides each gradient by the root of its mean square") {
  const RmsProp rule{.learning_rate = 0.01, .decay = 0.9, .epsilon = 1e-6};
  for (const int steps : {1, 2, 7}) {
    auto theta = start_values();
    std::vector<double> v(theta.size(), 0);
    for (int step = 0; step < steps; ++step)
      for (std::size_t i = 0; i < theta.size(); ++i) {
        const double g = gradients_at(step)[i];
        v[i] = 0.9 * v[i] + 0.1 * g * g;
        theta[i] -= 0.01 * g / (std::sqrt(v[i]) + 1e-6);
      }
    check_each(path_end(rule, steps), theta, 1e-13);
  }
}

TEST_CASE("RmsProp has WGAN's rate, and refuses options that make no sense") {
  CHECK(RmsProp{}.learning_rate == 5e-5);
  CHECK(message_of<ShapeError>([] { path_end(RmsProp{.decay = 1}, 1); }) == "RmsProp: expected a decay from 0 to below 1, got 1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([] { path_end(RmsProp{.epsilon = 0}, 1); }).starts_with("RmsProp: expected an epsilon"));
}
