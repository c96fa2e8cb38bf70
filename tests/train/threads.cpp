// SPDX-License-Identifier: Apache-2.0
//
// Trainers among threads that are not theirs. scripts/test runs these under ThreadSanitizer too.
#include <thread>

#include "train/outcome.hpp"

using namespace nash;

namespace {

constexpr std::uint64_t seeds = 2;

/// What trainers with these seeds leave, each on its own in the calling thread.
std::vector<Outcome> alone(int threads) {
  std::vector<Outcome> outcomes;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) outcomes.push_back(train(seed, threads));
  return outcomes;
}

/// Each in a thread of the caller's own parallel region.
std::vector<Outcome> in_a_parallel_region(int threads) {
  std::vector<Outcome> outcomes(seeds);
#pragma omp parallel for schedule(static, 1) num_threads(seeds)
  for (std::uint64_t i = 0; i < seeds; ++i) outcomes[i] = train(i + 1, threads);
  return outcomes;
}

/// How many levels of parallel regions may have several threads each, until the end of the scope.
class ActiveLevels {
 public:
  explicit ActiveLevels(int levels) { omp_set_max_active_levels(levels); }
  ActiveLevels(const ActiveLevels&) = delete;
  ActiveLevels& operator=(const ActiveLevels&) = delete;
  ~ActiveLevels() { omp_set_max_active_levels(before_); }

 private:
  int before_ = omp_get_max_active_levels();
};

}  // namespace

TEST_CASE("two trainers in two threads do not disturb each other") {
  std::vector<Outcome> together(seeds);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < seeds; ++i) threads.emplace_back([&together, i] { together[i] = train(i + 1, 2); });
  for (std::thread& thread : threads) thread.join();
  CHECK(together == alone(2));
}

TEST_CASE("trainers in a parallel region of the caller's give the same bits, whether their own regions are serial or not") {
  const std::vector<Outcome> expected = alone(1);
  {
    const ActiveLevels one(1);
    CHECK(in_a_parallel_region(2) == expected);
  }
  const ActiveLevels two(2);
  CHECK(in_a_parallel_region(2) == expected);
}

TEST_CASE("more threads than processors give the same bits") {
  CHECK(train(1, 7) == train(1, 1));
}

TEST_CASE("a trainer may be handed from thread to thread") {
  GanTrainer kept{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9, .threads = 2}};
  GanTrainer handed{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4, .average_decay = 0.9, .threads = 2}};
  for (int round = 0; round < 3; ++round) {
    Outcome elsewhere;
    std::thread([&] { elsewhere = outcome_of(handed, 1, 20); }).join();
    CHECK(elsewhere == outcome_of(kept, 1, 20));
  }
}
