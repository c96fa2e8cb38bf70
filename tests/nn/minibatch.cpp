// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/minibatch_discrimination.hpp"
#include "nash/nn/minibatch_std_dev.hpp"

#include "nash/nn/any_sequential.hpp"
#include "nash/nn/residual.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/softplus.hpp"
#include "nash/testing/penalty_check.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("MinibatchStdDev and MinibatchDiscrimination have the derivatives that they say") {
  check_derivatives(MinibatchStdDev<double>{}, {8, 2, 3, 2});
  check_derivatives(MinibatchStdDev<double>{{.group = 3, .epsilon = 0.1}}, {6, 5});
  check_derivatives(MinibatchStdDev<double>{{.group = 9}}, {5, 3});  // a batch that is one group
  check_derivatives(MinibatchDiscrimination<double>{4, 3, {.dimensions = 2, .init = Init::normal(0.4)}}, {5, 4});
  check_derivatives(MinibatchDiscrimination<double>{6, 2, {.dimensions = 3, .init = Init::normal(0.2)}}, {3, 2, 1, 3});
}

TEST_CASE("MinibatchStdDev adds the mean deviation of a group, whose samples stand N/group apart") {
  const auto y = output_of(MinibatchStdDev<double>{{.group = 2, .epsilon = 1e-30}}, tensor<double>({4, 2}, {1, 2, 5, 5, 3, 8, 5, 5}));
  CHECK(y.shape() == Shape{4, 3});
  const std::vector<double> expected{1, 2, 2, 5, 5, 0, 3, 8, 2, 5, 5, 0};  // samples 0 and 2: deviations 1 and 3
  for (index_t i = 0; i < 12; ++i) CHECK(y[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-12));
  CHECK(output_of(MinibatchStdDev{}, tensor<float>({1, 1, 1, 2}, {7, 9}))[2] == doctest::Approx(1e-4));  // alone: √ε
}

TEST_CASE("MinibatchDiscrimination adds how much each sample is like the others") {
  MinibatchDiscrimination<double> layer{1, 1, {.dimensions = 2}};
  set_state(layer, "weight", {1, -2});
  const auto y = output_of(layer, tensor<double>({3, 1}, {0, 1, 1}));
  CHECK(y.shape() == Shape{3, 2});
  CHECK(y[1] == doctest::Approx(1 + 2 * std::exp(-3)).epsilon(1e-14));
  CHECK(y[3] == doctest::Approx(2 + std::exp(-3)).epsilon(1e-14));
  CHECK(y[4] == 1);
}

TEST_CASE("a penalty goes through MinibatchStdDev, which allows it, and MinibatchDiscrimination refuses it") {
  using Dev = MinibatchStdDev<double>;
  static_assert(CouplesSamples<Dev> && !RefusesPenalties<Dev> && RefusesPenalties<MinibatchDiscrimination<>>);
  static_assert(!RefusesPenalties<Sequential<Dense<double>, Residual<Sequential<Dev>, Dev>>>);
  static_assert(RefusesPenalties<Sequential<Dev, Residual<MinibatchDiscrimination<double>>>>);
  const auto report = testing::penalty_check(Sequential{Dense<double>{5, 4}, Softplus<double>{}, Dev{{.group = 2}}, Dense<double>{5, 1}}, {4, 5}, 1);
  CHECK_MESSAGE(report.ok, report.text);

  const auto any = [](auto layer) { return AnyLayer<double>(std::move(layer)); };
  CHECK_FALSE(traits_of(AnySequential<double>({any(Dense<double>{2, 2}), any(Residual{Sequential{Dev{}, Dense<double>{3, 2}}})})).refuses_penalties);
  CHECK(traits_of(AnySequential<double>({any(Dev{})})).couples_samples);
  CHECK(traits_of(any(Residual{AnySequential<double>({any(MinibatchDiscrimination<double>{2, 1})})})).refuses_penalties);
}

TEST_CASE("what they refuse") {
  CHECK(message_of<ShapeError>([] { output_of(MinibatchStdDev{}, tensor<float>({6, 1}, {1, 2, 3, 4, 5, 6})); }) ==
        "MinibatchStdDev: expected a batch that is a multiple of its groups of 4, got 6.\nUse such batches, or another group.");
  CHECK(message_of<ShapeError>([] { MinibatchStdDev{{.epsilon = 0}}; }) == "MinibatchStdDev: expected a positive, finite epsilon, got 0.\nUse 1e-8.");
  CHECK(message_of<ShapeError>([] { (void)MinibatchDiscrimination{5, 3}.output_shape({4, 6}); }) ==
        "MinibatchDiscrimination: expected N×5 inputs, got 4×6.\nBuild MinibatchDiscrimination{6, 3} or change the layer before it.");
  CHECK(message_of<ShapeError>([] { MinibatchDiscrimination(5, 0); }).starts_with("MinibatchDiscrimination: expected a number of kernels of at least 1"));
}
