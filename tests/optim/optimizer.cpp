// SPDX-License-Identifier: Apache-2.0
#include "nash/optim/optimizer.hpp"

#include "nash/optim/adam.hpp"
#include "nash/optim/sgd.hpp"
#include "optim/rules.hpp"

using namespace nash;

namespace {

/// A rule of a user's own: θ := θ − rate·sign(g), without memory.
template <class T>
struct SignUpdate {
  T* theta;
  const T* gradient;
  T rate;
  void operator()(index_t i) const { theta[i] -= rate * static_cast<T>((gradient[i] > 0) - (gradient[i] < 0)); }
};

struct SignDescent {
  double learning_rate = 1;
  static constexpr int slots = 0;
  template <class T>
  SignUpdate<T> update(T* theta, const T* gradient, std::array<T*, 0>, index_t, double rate) const {
    return {theta, gradient, static_cast<T>(rate)};
  }
  void check() const {}
};

static_assert(OptimizerRule<Adam> && OptimizerRule<Sgd> && OptimizerRule<SignDescent> && !OptimizerRule<int>);

}  // namespace

TEST_CASE("an optimiser keeps what its rule asks for, zero at first, and counts its steps") {
  Context<Cpu> context(1);
  Tensor<double> theta({5}, start_values());
  Optimizer<double, Cpu> adam(Adam{}, 5), sgd(Sgd{}, 5);
  REQUIRE(adam.slots().size() == 2);
  REQUIRE(sgd.slots().size() == 1);
  for (const auto& slot : adam.slots()) CHECK(slot.to_host() == std::vector<double>(5, 0));
  CHECK(adam.steps() == 0);
  CHECK(adam.learning_rate() == 2e-4);
  const auto g = gradients_at(0);
  adam.step(context, theta, Tensor<double>({5}, g));
  sgd.step(context, theta, Tensor<double>({5}, g));
  sgd.step(context, theta, Tensor<double>({5}, g));
  CHECK(adam.steps() == 1);
  CHECK(sgd.steps() == 2);
  std::vector<double> m, v, velocity;
  for (const double value : g) m.push_back(0.5 * value), v.push_back(0.001 * value * value), velocity.push_back(1.9 * value);
  check_each(adam.slots()[0].to_host(), m);
  check_each(adam.slots()[1].to_host(), v, 1e-12);
  check_each(sgd.slots()[0].to_host(), velocity);
}

TEST_CASE("a rule of one's own") { check_each(path_end(SignDescent{}, 1), [] {
  auto expected = start_values();
  for (std::size_t i = 0; i < 5; ++i) expected[i] -= gradients_at(0)[i] > 0 ? 1 : -1;
  return expected;
}()); }

TEST_CASE("an optimiser is for as many parameters as it was made for") {
  Context<Cpu> context(1);
  Optimizer<float, Cpu> optimizer(Sgd{}, 4);
  auto four = Tensor<float>::zeros({4}), five = Tensor<float>::zeros({5});
  CHECK(message_of<ShapeError>([&] { optimizer.step(context, five, five); }) ==
        "Optimizer: expected 4 parameters and gradients, got 5 and 5.\nMake an optimiser for each network.");
  CHECK(message_of<ShapeError>([&] { optimizer.step(context, four, five); }).find("got 4 and 5.") != std::string::npos);
  CHECK(optimizer.steps() == 0);
  optimizer.step(context, four, four);
  CHECK(optimizer.steps() == 1);
}

TEST_CASE("require_in_range: from the lower bound to below the upper one") {
  const auto message = [](double value) { return message_of<ShapeError>([&] { require_in_range(0, 1, value, "Rule", "an option"); }); };
  CHECK(message(0) == "");
  CHECK(message(0.999) == "");
  CHECK(message(1) == "Rule: expected an option from 0 to below 1, got 1.\nCorrect the option.");
  CHECK(message(-1e-9) != "");
  CHECK(message(std::nan("")).find("got nan") != std::string::npos);
}
