// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/pointwise.hpp"

#include <mutex>
#include <set>

#include "kernels/comparison.hpp"

using namespace nash;

namespace {

struct CountVisits {
  int* visits;
  void operator()(index_t i) const { ++visits[i]; }
};

struct RecordColumn {
  index_t* columns;
  void operator()(index_t i, index_t column) const { columns[i] = column; }
};

struct RecordThread {
  int* thread;
  void operator()(index_t i) const { thread[i] = this_thread(); }
};

template <class Device>
void check_visits(int threads, index_t count) {
  CAPTURE(count);
  CAPTURE(threads);
  Context<Device> context(threads);
  std::vector<int> visits(static_cast<std::size_t>(count), 0);
  pointwise(context, count, CountVisits{visits.data()});
  CHECK(std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; }));
}

}  // namespace

TEST_CASE("a map visits every element once") {
  for (const index_t count : {0, 1, 3, 17, 1000, 16383, 16384, 40001}) {
    for (const int threads : {1, 2, 3}) check_visits<Cpu>(threads, count);
    check_visits<Reference>(1, count);
  }
}

TEST_CASE("a map over rows tells the column") {
  for (const auto& [rows, columns] : {std::pair{0, 3}, std::pair{1, 1}, std::pair{5, 7}, std::pair{3, 1}, std::pair{300, 65}})
    for (const int threads : {1, 2, 3}) {
      const index_t count = rows * columns;
      std::vector<index_t> seen(static_cast<std::size_t>(count), -1), naive = seen;
      Context<Cpu> context(threads);
      Context<Reference> reference(1);
      pointwise_in_rows(context, rows, columns, RecordColumn{seen.data()});
      pointwise_in_rows(reference, rows, columns, RecordColumn{naive.data()});
      CHECK((seen == naive));
      for (index_t i = 0; i < count; ++i) REQUIRE(seen[static_cast<std::size_t>(i)] == i % columns);
    }
}

TEST_CASE("large maps run on as many threads as the context has, small ones on one") {
  const auto threads_of = [](int threads, index_t count) {
    Context<Cpu> context(threads);
    std::vector<int> seen(static_cast<std::size_t>(count), -1);
    pointwise(context, count, RecordThread{seen.data()});
    return std::set<int>(seen.begin(), seen.end());
  };
  CHECK(threads_of(1, 50000).size() == 1);
  CHECK(threads_of(3, 50000).size() == 3);
  CHECK(threads_of(3, 100).size() == 1);
}

TEST_CASE("the plain functors do what they say") {
  Context<Cpu> context(1);
  Guarded<float> y(3), x = Guarded<float>::random(3, 1);
  const auto values = [](const Guarded<float>& from) { return std::vector<float>(from.data(), from.data() + from.count()); };
  pointwise(context, 3, Fill<float>{y.data(), 2});
  CHECK(values(y) == std::vector<float>{2, 2, 2});
  pointwise(context, 3, Accumulate<float>{x.data(), y.data()});
  CHECK(values(y) == std::vector<float>{x[0] + 2, x[1] + 2, x[2] + 2});
  pointwise(context, 3, Copy<float>{x.data(), y.data()});
  CHECK(values(y) == values(x));
  pointwise(context, 3, Scale<float>{y.data(), -2, y.data()});
  CHECK(values(y) == std::vector<float>{-2 * x[0], -2 * x[1], -2 * x[2]});
  CHECK(y.walls_stand());
}
