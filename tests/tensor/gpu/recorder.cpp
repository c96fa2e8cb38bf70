// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/gpu/recorder.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

using Doubles = Tensor<double, StandIn>;  // kernels of doubles and pointers have no padding, which not every compiler can clear

/// Sequences on some numbers, and what the stand-in was asked to do in them.
struct Sequences {
  Context<StandIn> context;
  Doubles x = Doubles::filled(Shape{4}, 1), y = Doubles::filled(Shape{4}, 1);

  template <class Function>
  stand_in::Counts run(const Function& sequence, std::uint64_t name = 1) {
    stand_in::take_counts();
    {
      const auto recording = context.record_sequence(name);
      sequence();
    }
    return stand_in::take_counts();
  }
  void scale(double a) { pointwise(context, 4, Scale<double>{x.data(), a, x.data()}); }
  void add(Doubles& to) { pointwise(context, 4, Accumulate<double>{x.data(), to.data()}); }
  double value() { return x.to_host()[0]; }
};

}  // namespace

TEST_CASE("a sequence runs while it is recorded, and as one graph from then on, whose parameters may change") {
  Sequences s;
  const auto sequence = [&](double a) { return [&s, a] { s.scale(2), s.scale(a), s.add(s.y); }; };
  CHECK(s.run(sequence(3)).graphs_launched == 0);
  CHECK(s.value() == 6);
  const auto second = s.run(sequence(3));
  CHECK(second.graphs_built == 1);
  CHECK(second.graphs_launched == 1);
  CHECK(s.value() == 36);
  const auto third = s.run(sequence(0.5));
  CHECK(third.graphs_built == 0);
  CHECK(third.graphs_launched == 1);
  CHECK(third.updates == 1);
  CHECK(s.value() == 36);
  CHECK(s.y.to_host()[0] == 1 + 6 + 36 + 36);
  CHECK(s.run(sequence(0.5)).updates == 0);
  CHECK(s.context.graphs(1) == 1);
}

TEST_CASE("a sequence is cut where the host waits, and gets the values of then") {
  Sequences s;
  std::vector<double> sums;
  const auto sequence = [&] {
    s.scale(2);
    sums.push_back(sum(s.context, 4, Value<double>{s.x.data()}));
    s.scale(0.5);
    sums.push_back(sum(s.context, 4, Value<double>{s.x.data()}));
    s.add(s.x);
  };
  for (int i = 0; i < 4; ++i) (void)s.run(sequence);
  CHECK(sums == std::vector<double>{8, 4, 16, 8, 32, 16, 64, 32});
  CHECK(s.context.graphs(1) == 3);
  CHECK(s.run(sequence).graphs_launched == 3);
}

TEST_CASE("a sequence that is not the recorded one does what it says all the same, and is recorded beside it") {
  Sequences s;
  for (int i = 0; i < 3; ++i) (void)s.run([&] { s.scale(2), s.add(s.x), s.scale(1); });
  CHECK(s.value() == 64);
  const auto shorter = [&] { s.scale(2), s.add(s.x); };
  CHECK(s.run(shorter).graphs_launched == 0);
  CHECK(s.value() == 256);
  CHECK(s.run(shorter).graphs_launched == 1);
  CHECK(s.value() == 1024);
  CHECK(s.run([&] { s.scale(2), s.add(s.x), s.scale(0.25f); }).graphs_launched == 1);  // longer, as the first ones were
  CHECK(s.run([&] { s.scale(1), s.scale(1), s.scale(1); }).graphs_launched == 0);      // of another kernel
  CHECK(s.value() == 1024);
  CHECK(s.run([] {}).graphs_launched == 0);
  CHECK(s.run([] {}).graphs_launched == 0);
}

TEST_CASE("sequences that take turns are a graph each, built once, with the parameters of the time") {
  Sequences s;
  double expected = 0, sums = 0, expected_sums = 0;
  const auto sequence = [&](int kind, double a) {
    return [&s, &sums, kind, a] {
      pointwise(s.context, 4, Fill<double>{s.x.data(), a});
      if (kind == 1) s.add(s.y);
      s.scale(a);
      if (kind == 1) sums += sum(s.context, 4, Value<double>{s.x.data()});
      if (kind == 2) s.add(s.y), s.add(s.y);  // begins as 0 does, and ends where 3 goes on
      if (kind == 3) s.add(s.y), s.add(s.y), s.add(s.y);
    };
  };
  index_t built = 0;
  for (int i = 0; i < 40; ++i) {
    const int kind = i % 5 == 4 ? 0 : i % 4;
    const double a = i;
    const stand_in::Counts counts = s.run(sequence(kind, a));
    if (i >= 20) {
      CHECK(counts.graphs_built == 0);
      CHECK(counts.queued == 0);
      CHECK(counts.graphs_launched == 1);
    }
    built += counts.graphs_built;
    expected += kind == 1 ? a : kind == 2 ? 2 * a * a : kind == 3 ? 3 * a * a : 0;
    expected_sums += kind == 1 ? 4 * a * a : 0;
  }
  CHECK(built == 4);
  CHECK(s.y.to_host()[0] == 1 + expected);
  CHECK(sums == expected_sums);
}

TEST_CASE("of sequences that are never the same, the last few alone are kept") {
  Sequences s;
  std::vector<Doubles> all;
  for (int i = 0; i < 12; ++i) all.push_back(Doubles::filled(Shape{4}, 1));
  const auto copy = [&](int i) { return [&s, to = all[static_cast<std::size_t>(i)].data()] { s.context.add(Transfer{Transfer::Kind::within_gpu, to, s.x.data(), 8}); }; };
  for (int i = 0; i < 12; ++i) CHECK(s.run(copy(i)).queued == 1);
  for (int i = 11; i >= 8; --i) CHECK(s.run(copy(i)).graphs_launched == 1);
  CHECK(s.run(copy(7)).queued == 1);
  CHECK(s.run(copy(11)).queued == 1);  // the one that was not used for longest made room for it
  CHECK(s.run(copy(8)).graphs_launched == 1);
}

TEST_CASE("sequences of different names are kept apart") {
  Sequences s;
  for (int i = 0; i < 2; ++i) (void)s.run([&] { s.scale(2); }, 1), (void)s.run([&] { s.add(s.y); }, 2);
  CHECK(s.run([&] { s.scale(2); }, 1).graphs_launched == 1);
  CHECK(s.run([&] { s.add(s.y); }, 2).graphs_launched == 1);
  CHECK(s.value() == 8);
}

TEST_CASE("copies and allocations within a sequence keep their places in it") {
  Sequences s;
  const auto sequence = [&](const std::vector<double>& values) {
    return [&s, values] {
      s.scale(2);
      s.x.assign_from_host(values);
      s.scale(3);
      const Doubles copy = s.x;
      s.scale(2);
      CHECK(copy.to_host()[0] == 3 * values[0]);
    };
  };
  for (const double first : {1.0, 2.0, 3.0, 4.0, 5.0}) {
    (void)s.run(sequence({first, 0, 0, 0}));
    CHECK(s.value() == 6 * first);
  }
}

TEST_CASE("memory that is given back within a sequence may be used again in it") {
  Sequences s;
  for (const double value : {1.0, 2.0, 3.0, 4.0}) {
    auto given = std::make_unique<Doubles>(Doubles::filled(Shape{4}, value));
    (void)s.run([&] {
      pointwise(s.context, 4, Copy<double>{given->data(), s.y.data()});
      given.reset();
      Doubles again(Shape{4});  // where the copy, which may be held back, reads
      pointwise(s.context, 4, Fill<double>{again.data(), 7});
    });
    CHECK(s.y.to_host()[0] == value);
  }
}

TEST_CASE("a sequence that an exception ends has run up to there, and is forgotten") {
  Sequences s;
  for (int i = 0; i < 2; ++i) (void)s.run([&] { s.scale(2), s.scale(1); });
  CHECK(message_of<Error>([&] {
          (void)s.run([&] {
            s.scale(2);
            throw Error("test", "ended", "go on");
          });
        }) == "test: ended.\nGo on.");
  CHECK(s.value() == 8);
  CHECK(s.context.graphs(1) == 0);
  CHECK(s.run([&] { s.scale(2), s.scale(1); }).graphs_launched == 0);
  CHECK(s.value() == 16);
}
