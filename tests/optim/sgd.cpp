// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/sgd.hpp"

#include "optim/rules.hpp"

using namespace nash;

namespace {

std::vector<double> by_hand(const Sgd& options, int steps, const std::function<double(int)>& factor = [](int) { return 1.0; }) {
  auto theta = start_values();
  std::vector<double> v(theta.size(), 0);
  for (int step = 0; step < steps; ++step)
    for (std::size_t i = 0; i < theta.size(); ++i) {
      v[i] = options.momentum * v[i] + gradients_at(step)[i];
      theta[i] -= factor(step) * options.learning_rate * v[i];
    }
  return theta;
}

}  // namespace

TEST_CASE("Sgd: plain and with momentum") {
  for (const int steps : {1, 2, 7}) {
    check_each(path_end(Sgd{.learning_rate = 0.05, .momentum = 0}, steps), by_hand({.learning_rate = 0.05, .momentum = 0}, steps));
    check_each(path_end(Sgd{}, steps), by_hand({.learning_rate = 0.1, .momentum = 0.9}, steps));
  }
}

TEST_CASE("Sgd: a change of the rate applies to the whole velocity at once") {
  const auto factor = [](int step) { return step < 3 ? 1.0 : 0.1; };
  check_each(path_end(Sgd{}, 6, factor), by_hand({}, 6, factor));
}

TEST_CASE("Sgd refuses options that make no sense") {
  const auto message = [](const Sgd& rule) { return message_of<ShapeError>([&] { Optimizer<float, Cpu>(rule, 1); }); };
  CHECK(message({.momentum = 1}) == "Sgd: expected a momentum from 0 to below 1, got 1.\nCorrect the option.");
  CHECK(message({.momentum = -0.5}).starts_with("Sgd: expected a momentum"));
  CHECK(message({.learning_rate = std::nan("")}).starts_with("Sgd: expected a learning rate"));
  CHECK(message({.learning_rate = 0, .momentum = 0}) == "");
}
