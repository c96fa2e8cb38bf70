// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/residual.hpp"

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/tanh.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Residual has the derivatives that it says, with and without a skip") {
  check_derivatives(Residual{Sequential{Dense<double>{4, 3}, Tanh<double>{}, Dense<double>{3, 4}}}, {5, 4});
  check_derivatives(Residual{Sequential{Dense<double>{4, 3}, BatchNorm<double>{3}, ReLU<double>{}}, Dense<double>{4, 3, {.bias = false}}}, {5, 4});
  check_derivatives(Residual{Conv2d<double>{2, 2, {.kernel = 3, .padding = 1}}}, {2, 3, 3, 2});
  check_derivatives(Residual{Residual{Tanh<double>{}}, Residual{Dense<double>{3, 3}}}, {2, 3});
  check_derivatives(Residual{Dense<double, Reference>{3, 3}}, {2, 3});
}

TEST_CASE("Residual is the sum of its body and its skip") {
  const auto body = initialised(Dense<double>{4, 3}, 1), skip = initialised(Dense<double>{4, 3}, 2);
  const auto x = random_tensor({5, 4});
  auto sum = output_of(body, x);
  const auto other = output_of(skip, x);
  for (index_t i = 0; i < sum.count(); ++i) sum[i] += other[i];
  CHECK(difference(output_of(Residual{body, skip}, x), sum) == 0);

  auto doubled = output_of(ReLU<double>{}, x);
  for (index_t i = 0; i < x.count(); ++i) doubled[i] += x[i];
  CHECK(difference(output_of(Residual{ReLU<double>{}}, x), doubled) == 0);
}

TEST_CASE("a Residual of one Residual is that, not a copy of it") {
  const Residual inner{ReLU<double>{}};
  const Residual outer{inner};
  CHECK_FALSE(std::is_same_v<decltype(inner), decltype(outer)>);
  CHECK(output_of(outer, tensor<double>({1, 2}, {1, -1})).to_host() == std::vector<double>{3, -2});
}

TEST_CASE("Residual names what lies within it") {
  Residual layer{Sequential{Dense<double>{4, 3}}, Dense<double>{4, 3, {.bias = false}}};
  std::string names;
  for_each_parameter(layer, [&](const std::string& name, auto&) { names += name + " "; });
  CHECK(names == "body.0.weight body.0.bias skip.weight ");
}

TEST_CASE("Residual refuses what does not fit") {
  CHECK(message_of<ShapeError>([] { Residual{Dense{4, 3}}.output_shape({2, 4}); }) ==
        "Residual: expected a body that gives 2×4 like the skip, got 2×3.\nGive the Residual a skip that fits its body.");
  CHECK(message_of<ShapeError>([] { Residual{Dense{4, 4}}.output_shape({2, 5}); }) ==
        "Dense (body): expected N×4 inputs, got 2×5.\nBuild Dense{5, 4} or change the layer before it.");
  CHECK(message_of<ShapeError>([] { Residual{Dense{4, 4}, Dense{5, 4}}.output_shape({2, 4}); }).find("Dense (skip): ") == 0);
  CHECK(message_of<ShapeError>([] { output_of(Residual{Dense{4, 4}}, random_tensor<float>({2, 5})); }).find("Dense (body): ") == 0);
}
