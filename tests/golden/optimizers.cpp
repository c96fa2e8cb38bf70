// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"
#include "nash/optim/adam.hpp"
#include "nash/optim/ema.hpp"
#include "nash/optim/rmsprop.hpp"
#include "nash/optim/schedule.hpp"
#include "nash/optim/sgd.hpp"

using namespace nash;

namespace {

/// Ten steps along the golden gradients; the parameters after each are a row of the golden path.
template <class T, class Rule>
void check_path(const std::string& name, const Rule& rule, double tolerance) {
  const Golden golden("optimizers");
  const Golden::Entry &path = golden.entry(name), &gradients = golden.entry("gradients");
  Context<Cpu> context;
  Tensor<T> theta = golden.tensor<T>("start");
  const auto count = static_cast<std::size_t>(theta.count());
  Optimizer<T, Cpu> optimizer(rule, theta.count());
  REQUIRE(gradients.shape == Shape{10, theta.count()});
  REQUIRE(path.shape == gradients.shape);
  for (std::size_t step = 0; step < 10; ++step) {
    const auto row = [&](const Golden::Entry& entry) {
      return std::span<const double>(entry.values).subspan(step * count, count);
    };
    const auto gradient = row(gradients), expected = row(path);
    optimizer.step(context, theta, Tensor<T>(theta.shape(), std::vector<T>(gradient.begin(), gradient.end())));
    for (std::size_t i = 0; i < count; ++i) {  // each by itself: the gradients are of very different sizes
      INFO(name << ", parameter " << i << " after step " << step + 1);
      CHECK(relative_difference<T>({theta.data() + i, 1}, expected.subspan(i, 1)) <= tolerance);
    }
  }
}

template <class T>
void check_optimizers(double tolerance) {
  check_path<T>("adam", Adam{}, tolerance);
  check_path<T>("adam.other", Adam{.learning_rate = 1e-2, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-6}, tolerance);
  check_path<T>("rmsprop", RmsProp{}, tolerance);
  check_path<T>("rmsprop.other", RmsProp{.learning_rate = 1e-2, .decay = 0.9, .epsilon = 1e-6}, tolerance);
  check_path<T>("sgd", Sgd{.learning_rate = 0.05, .momentum = 0}, tolerance);
  check_path<T>("sgd.momentum", Sgd{.learning_rate = 0.01, .momentum = 0.9}, tolerance);
}

/// The moving average of a layer whose parameters take the golden path.
template <class T>
void check_average(double tolerance) {
  const Golden golden("optimizers");
  Context<Cpu> context;
  Dense<T> layer{3, 3, {.bias = false}};
  const auto become = [&](std::span<const double> values) {
    Dense<T>::visit_state(layer, [&](const StateName&, auto& state) {
      state.value().assign_from_host(std::vector<T>(values.begin(), values.end()));
    });
  };
  become(golden.entry("start").values);
  Ema<Dense<T>> average(layer, 0.9);
  for (std::size_t step = 0; step < 10; ++step) {
    become(std::span<const double>(golden.entry("sgd.momentum").values).subspan(9 * step, 9));
    average.update(context, layer);
    Dense<T>::visit_state(average.network(), [&](const StateName&, const auto& state) {
      const auto expected = std::span<const double>(golden.entry("average").values).subspan(9 * step, 9);
      CHECK(relative_difference<T>(std::span<const T>(state.value().to_host()), expected) <= tolerance);
    });
  }
}

void check_schedule(const std::string& name, const Schedule& schedule) {
  const Golden golden("optimizers");
  const Golden::Entry& factors = golden.entry("schedule." + name);
  std::vector<double> found;
  for (std::size_t step = 0; step < factors.values.size(); ++step) found.push_back(schedule(static_cast<index_t>(step)));
  check_close<double>(std::span<const double>(found), factors, 1e-12);
}

}  // namespace

TEST_CASE("ten steps of each optimiser are PyTorch's") {
  check_optimizers<double>(1e-12);
  check_optimizers<float>(1e-5);
}
TEST_CASE("the moving average of parameters is PyTorch's") {
  check_average<double>(1e-12);
  check_average<float>(1e-5);
}
TEST_CASE("schedules are PyTorch's") {
  check_schedule("linear", LinearDecay{.begin = 0, .end = 8, .final_factor = 0.2});
  check_schedule("cosine", CosineDecay{.begin = 0, .end = 8, .final_factor = 0.1});
  check_schedule("exponential", ExponentialDecay{.factor = 0.9, .every = 1});
  check_schedule("staircase", ExponentialDecay{.factor = 0.5, .every = 3, .staircase = true});
}
