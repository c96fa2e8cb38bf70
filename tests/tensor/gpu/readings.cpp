// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/gpu/readings.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "message_of.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

/// 1/1024 each
struct Fraction {
  NASH_HOST_DEVICE double operator()(index_t) const { return 1.0 / 1024; }
};

/// A context, some numbers, and how an update of them is asked for.
struct Values {
  Context<StandIn> context;
  Tensor<double, StandIn> x = Tensor<double, StandIn>::filled(Shape{4}, 1);

  double sum_later(double factor) {
    pointwise(context, 4, Scale<double>{x.data(), factor, x.data()});
    const auto later = context.read_later(true);
    return sum(context, 4, Value<double>{x.data()});
  }
  void update(Tensor<double, StandIn>& state, bool conditional = true) {
    const auto updating = context.updating(conditional);
    pointwise(context, state.count(), Fill<double>{state.data(), 7});
    pointwise_in_rows(context, 1, state.count(), gpu::RepeatRow<double>{state.data(), state.data()});
  }
};

}  // namespace

TEST_CASE("what is read later comes all at once, in its order, for one wait") {
  Values v;
  v.context.expect_readings(3);
  (void)stand_in::take_counts();
  CHECK(v.sum_later(2) == 1);  // nobody knows yet
  CHECK(v.sum_later(3) == 1);
  CHECK(stand_in::take_counts().waits == 0);
  const auto values = v.context.readings();
  CHECK(std::vector<double>(values.begin(), values.end()) == std::vector<double>{8, 24});
  CHECK(stand_in::take_counts().waits == 1);
  CHECK(sum(v.context, 4, Value<double>{v.x.data()}) == 24);  // read at once again
  v.context.expect_readings(1);
  CHECK(v.context.readings().empty());
  (void)v.sum_later(1);
  CHECK(v.context.readings()[0] == 24);
}

TEST_CASE("updates happen as long as all that was read is finite, and not after that") {
  for (const double broken : {HUGE_VAL, -HUGE_VAL, static_cast<double>(NAN)}) {
    Values v;
    auto before = Tensor<double, StandIn>::filled(Shape{5}, 1), after = before, whatever = before;
    v.context.expect_readings(3);
    (void)v.sum_later(2);
    v.update(before);
    (void)v.sum_later(broken);
    v.update(after);
    v.update(whatever, false);
    pointwise(v.context, 4, Fill<double>{v.x.data(), 1});  // finite again, which is too late
    (void)v.sum_later(1);
    v.update(after);
    CHECK(before.to_host() == std::vector<double>(5, 7));
    CHECK(after.to_host() == std::vector<double>(5, 1));
    CHECK(whatever.to_host() == std::vector<double>(5, 7));
    v.context.expect_readings(1);  // and another sequence knows nothing of it
    (void)v.sum_later(1);
    v.update(after);
    CHECK(after.to_host() == std::vector<double>(5, 7));
  }
}

TEST_CASE("operations of an update that may change what lasts in any case are counted: products, what the host reads, copies") {
  Values v;
  auto state = Tensor<double, StandIn>::filled(Shape{4}, 1);
  v.update(state, false);
  CHECK(v.context.unconditional() == 0);
  const auto counted = [&](const auto& operations) {
    const index_t before = v.context.unconditional();
    {
      const auto updating = v.context.updating(false);
      operations();
    }
    return v.context.unconditional() - before;
  };
  CHECK(counted([&] { GemmKernels<StandIn>::multiply(v.context, {.m = 2, .n = 2, .k = 1}, v.x.data(), v.x.data(), state.data()); }) == 1);
  CHECK(counted([&] { sum_into(v.context, 4, Value<double>{v.x.data()}, state.data()); }) == 1);
  CHECK(counted([&] { sum_into(v.context, index_t{1} << 14, Fraction{}, state.data()); }) == 1);  // in two kernels
  const auto scratch = v.context.scratch<double>(4);
  CHECK(counted([&] {
          GemmKernels<StandIn>::multiply(v.context, {.m = 2, .n = 2, .k = 1}, v.x.data(), v.x.data(), scratch.data());
          sum_into(v.context, 4, Value<double>{v.x.data()}, scratch.data());
          sum_into(v.context, index_t{1} << 14, Fraction{}, scratch.data());
          sum_columns(v.context, 2, 2, ColumnValue<double>{v.x.data()}, state.data());
        }) == 0);
  CHECK(counted([&] { (void)sum(v.context, 4, Value<double>{v.x.data()}); }) >= 1);
  CHECK(counted([&] { state = v.x; }) >= 1);
  CHECK(counted([&] { state.assign_from_host(std::vector<double>(4, 2)); }) >= 1);
}

TEST_CASE("more readings than were expected are refused") {
  Values v;
  v.context.expect_readings(1);
  (void)v.sum_later(1);
  CHECK(message_of<ShapeError>([&] { (void)v.sum_later(1); }) == "Readings: expected at most 1 values, got one more.\nExpect as many as there are.");
}

TEST_CASE("copies that another thread asks for are none of an update's") {
  Values v;
  auto state = Tensor<double, StandIn>::filled(Shape{4}, 1);
  const auto copy = [] { (void)Tensor<double, StandIn>::filled(Shape{4}, 1).to_host(); };
  {
    const auto updating = v.context.updating(false);
    pointwise(v.context, state.count(), Fill<double>{state.data(), 7});
    std::thread(copy).join();
  }
  CHECK(v.context.unconditional() == 0);
  {
    const auto updating = v.context.updating(false);
    copy();
    state = v.x;
  }
  CHECK(v.context.unconditional() == 3);
  copy();
  CHECK(v.context.unconditional() == 3);
}
