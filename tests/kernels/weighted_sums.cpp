// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/weighted_sums.hpp"

#include <doctest/doctest.h>

#include "nash/kernels/host.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

template <class Device>
void check_total() {
  Context<Device> context(1);
  const Tensor<float, Device> x(Shape{3}, std::vector<float>{1, 2, 3}), y(Shape{2}, std::vector<float>{10, 20});
  WeightedSums<Device> none(context, 2);
  CHECK(none.total() == 0);
  WeightedSums<Device> value(context, 3);
  value.add(0.5, 3, Value<float>{x.data()});
  CHECK(value.total() == 3);
  value.add(2, 2, Value<float>{y.data()});
  value.add(-1, 3, Square<float>{x.data()});
  CHECK(value.total() == 3 + 60 - 14);
}

}  // namespace

TEST_CASE("several sums with their weights are one number, and on a GPU one wait") {
  check_total<Cpu>();
  check_total<Reference>();
  check_total<StandIn>();
  Context<StandIn> context;
  const auto x = Tensor<double, StandIn>::filled(Shape{5}, 2);
  (void)stand_in::take_counts();
  WeightedSums<StandIn> value(context, 2);
  value.add(1, 5, Value<double>{x.data()});
  value.add(3, 5, Value<double>{x.data()});
  CHECK(value.total() == 40);
  CHECK(stand_in::take_counts().waits == 1);
}
