// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/layers.hpp"
#include "nash/testing/penalty_check.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// ½Σ‖∇ₓD‖² and ½Σ(‖∇ₓD‖ − 1)²
template <class L>
void check_penalties(const L& critic, const Shape& shape, testing::CheckOptions options = {}) {
  for (const Mode mode : {Mode::infer, Mode::train})
    for (const double target : {0.0, 1.0}) {
      options.mode = mode;
      const auto report = testing::penalty_check(critic, shape, target, options);
      CAPTURE(target);
      CHECK_MESSAGE(report.ok, report.text);
      if (std::getenv("NASH_TEST_FIGURES") != nullptr) MESSAGE("penalty: ", report.text);
    }
}

}  // namespace

TEST_CASE("gradient penalties of dense critics are exact") {
  check_penalties(Sequential{Dense<double>{5, 7}, LeakyReLU<double>{0.2}, Dense<double>{7, 6}, LeakyReLU<double>{0.2}, Dense<double>{6, 1}}, {4, 5});
  check_penalties(Sequential{Dense<double>{5, 7}, Tanh<double>{}, Dense<double>{7, 6}, Softplus<double>{}, Dense<double>{6, 1}}, {4, 5});
  check_penalties(Sequential{Maxout<double>{5, 6, {.pieces = 3}}, Dropout<double>{0.3}, Maxout<double>{6, 3, {.pieces = 2}}, Dense<double>{3, 1}}, {4, 5});
}

TEST_CASE("gradient penalties of convolutional critics are exact") {
  check_penalties(Sequential{Conv2d<double>{1, 3, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU<double>{0.2},
                             Conv2d<double>{3, 4, {.kernel = 3, .stride = 2, .padding = 1}}, Softplus<double>{}, Dense<double>{16, 1}},
                  {2, 8, 8, 1}, {.elements = 60});
}

TEST_CASE("gradient penalties of critics with spectral norm are exact, u and v being constants") {
  check_penalties(Sequential{SpectralNorm{Conv2d<double>{1, 3, {.kernel = 3, .stride = 2, .padding = 1}}}, LeakyReLU<double>{0.1},
                             Flatten<double>{}, SpectralNorm{Dense<double>{27, 4}}, Tanh<double>{}, SpectralNorm{Dense<double>{4, 1}}},
                  {3, 6, 6, 1});
  check_penalties(Sequential{Residual{SpectralNorm{Dense<double>{5, 6}}, SpectralNorm{Embedding<double>{4, 6}}}, Tanh<double>{},
                             SpectralNorm{Maxout<double>{6, 4, {.pieces = 3}}}, Softplus<double>{}, SpectralNorm{ProjectionHead<double>{4, 4}}},
                  {4, 5});
}

TEST_CASE("gradient penalties of critics with skips and nested networks are exact") {
  check_penalties(Sequential{Dense<double>{4, 5}, Residual{Sequential{Dense<double>{5, 6}, Softplus<double>{}, Dense<double>{6, 5}}}, Tanh<double>{},
                             Sequential{Residual{Tanh<double>{}, Dense<double>{5, 5, {.bias = false}}}, LeakyReLU<double>{0.2}},
                             Dense<double>{5, 1}},
                  {3, 4});
}

TEST_CASE("gradient penalties of critics built at run time are exact") {
  const Sequential critic{Dense<double>{4, 5}, Tanh<double>{}, Residual{Sequential{Dense<double>{5, 5}, LeakyReLU<double>{0.2}}}, Dense<double>{5, 1}};
  check_penalties(LayerRegistry<double>::standard().build_network(critic.describe()), {3, 4});
  check_penalties(to_any<double, Reference>(critic), {3, 4});
}
