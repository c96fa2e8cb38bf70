// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/parameter.hpp"

#include "allocations.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/identity.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/unwritten_gradients.hpp"
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
  float farther = 0;
  const Gradients<float, Cpu> once = gradients.redirected(second, &elsewhere), twice = once.redirected(first, &farther);
  CHECK(twice.of(second) == &elsewhere);
  CHECK(twice.of(first) == &farther);
  CHECK(once.of(first) == values.data());
}

TEST_CASE("in an update that has begun a gradient is written first, then added to, and zero where nobody writes it") {
  const Sequential net{Dense<float>{2, 3}, Identity<float>{}, Dense<float>{3, 1, {.bias = false}}};
  auto bound = net;
  const FlatParameters<float, Cpu> flat(bound);
  const Dense<float>&first = bound.layer<0>(), &last = bound.layer<2>();
  const auto stale = Tensor<float>::filled({count_parameters(bound)}, 7);
  Tensor<float> values = stale;
  Context<Cpu> context(1);
  UnwrittenGradients<float, Cpu> unwritten;
  const Gradients<float, Cpu> gradients(values, unwritten), outside(values);
  for (int update = 0; update < 2; ++update) {
    values = stale;
    unwritten.begin(context, bound);
    CHECK(outside.into(first.weight()).adds);  // which knows of no update
    const GradientPlace<float> weight = gradients.into(first.weight());
    CHECK(weight.values == values.data());
    CHECK_FALSE(weight.adds);
    CHECK(gradients.into(first.weight()).adds);
    CHECK(values[0] == 7);  // whoever asked writes it
    CHECK(gradients.of(first.bias()) == values.data() + 6);
    CHECK(std::vector<float>(values.begin() + 6, values.end()) == std::vector<float>{0, 0, 0, 7, 7, 7});  // to add to
    CHECK(gradients.into(first.bias()).adds);
    unwritten.clear_rest(values.data());
    CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0});
    CHECK(gradients.into(last.weight()).adds);
    float elsewhere = 0;
    CHECK(gradients.redirected(last.weight(), &elsewhere).into(last.weight()).adds);
  }
}

namespace {

/// Tied weights and a parameter without values, in an order in which the last place is visited first.
struct Tied {
  Parameter<float, Cpu> tied{Shape{2}, Init::zeros()}, other{Shape{3}, Init::zeros()}, none{Shape{0}, Init::zeros()}, last{Shape{1}, Init::zeros()};

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("tied", self.tied), visit("other", self.other), visit("again", self.tied), visit("none", self.none), visit("last", self.last);
  }
};

}  // namespace

TEST_CASE("an update that has begun keeps what was written for tied weights, and for those beside a parameter without values") {
  Tied net;
  const FlatParameters<float, Cpu> flat(net);
  REQUIRE(net.tied.offset() == 5);  // where it was bound last
  REQUIRE(net.none.offset() == net.last.offset());
  Tensor<float> values = Tensor<float>::filled({8}, 7);
  Context<Cpu> context(1);
  UnwrittenGradients<float, Cpu> unwritten;
  unwritten.begin(context, net);
  const Gradients<float, Cpu> gradients(values, unwritten);
  CHECK(gradients.into(net.none).adds);
  for (const Parameter<float, Cpu>* parameter : {&net.tied, &net.other, &net.last}) {
    const GradientPlace<float> place = gradients.into(*parameter);
    CHECK_FALSE(place.adds);
    std::fill_n(place.values, parameter->count(), 1.0f);
    CHECK(gradients.into(*parameter).adds);
  }
  unwritten.clear_rest(values.data());
  CHECK(std::vector<float>(values.begin() + 2, values.end()) == std::vector<float>(6, 1));

  Parameter<float, Cpu> hidden(Shape{1}, Init::zeros());
  std::vector<float> elsewhere(5);
  hidden.bind(elsewhere.data(), 4);
  CHECK(message_of<Error>([&] { gradients.into(hidden); }) ==
        "Gradients: the parameter is not one of the network whose update has begun.\nName every parameter in visit_state.");
}
