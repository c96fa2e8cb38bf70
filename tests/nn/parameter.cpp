// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/parameter.hpp"

#include "allocations.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("a parameter owns its value until it is bound, and keeps it then") {
  Parameter<float, Cpu> parameter(Shape{3}, Init::constant(2));
  CHECK(parameter.present());
  CHECK(parameter.offset() == -1);
  Context<Cpu> context(1);
  parameter.initialise(context, RandomStream(1));
  std::vector<float> flat(8, -1);
  parameter.bind(flat.data(), 4);
  CHECK(parameter.offset() == 4);
  CHECK(flat == std::vector<float>{-1, -1, -1, -1, 2, 2, 2, -1});
  flat[5] = 7;
  CHECK(parameter.value()[1] == 7);

  const Parameter<float, Cpu> copy = parameter;
  flat[5] = 8;
  CHECK(copy.value()[1] == 7);
  CHECK(copy.offset() == -1);
  const Parameter<float, Cpu> moved = std::move(parameter);
  CHECK(moved.data() == flat.data() + 4);
  CHECK(moved.offset() == 4);
}

TEST_CASE("an absent parameter has no data and cannot be drawn") {
  Parameter<float, Cpu> parameter;
  Context<Cpu> context(1);
  parameter.initialise(context, RandomStream(1));
  CHECK_FALSE(parameter.present());
  CHECK(parameter.data() == nullptr);
  CHECK(parameter.count() == 0);
}

TEST_CASE("buffers of a constant have it at once") {
  CHECK(Buffer<float, Cpu>(Shape{2}, Init::ones()).value().to_host() == std::vector<float>{1, 1});
  CHECK(Buffer<float, Cpu>(Shape{2}, Init::normal(1)).value().to_host() == std::vector<float>{0, 0});
  if (!counts_allocations()) return;
  const std::int64_t before = allocation_count();
  const Buffer<float, Cpu> large(Shape{1000}, Init::ones());
  CHECK(allocation_count() - before == 1);
}

TEST_CASE("gradients are found at their parameter's offset, or where they were redirected") {
  Parameter<float, Cpu> first(Shape{2}, Init::zeros()), second(Shape{3}, Init::zeros());
  std::vector<float> flat(5);
  first.bind(flat.data(), 0), second.bind(flat.data(), 2);
  Tensor<float> values(Shape{5});
  const Gradients<float, Cpu> gradients(values);
  float elsewhere = 0;
  CHECK(gradients.of(second) == values.data() + 2);
  CHECK(gradients.redirected(second, &elsewhere).of(second) == &elsewhere);
  CHECK(gradients.redirected(second, &elsewhere).of(first) == values.data());
}
