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

/// A step of players with convolutions of many channels, which are minimal filtering in vectors and products of tiles where there are tile
/// registers, of Dense layers and of dropout.
Outcome train_wide(int threads, InstructionSet at_most) {
  const Conv2dOptions same{.kernel = 3, .padding = 1};
  GanTrainer trainer{Generator{Latent::normal(6), Sequential{Dense{6, 4 * 4 * 32}, Reshape{4, 4, 32}, BatchNorm{32}, ReLU{},
                                                            ConvTranspose2d{32, 32, {.kernel = 4, .stride = 2, .padding = 1}}, ReLU{}, Conv2d{32, 32, same}, BatchNorm{32},
                                                            ReLU{}, Conv2d{32, 1, same}, Tanh{}}},
                     Discriminator{Sequential{Conv2d{1, 32, same}, LeakyReLU{0.2}, Conv2d{32, 48, same}, BatchNorm{48}, LeakyReLU{0.2},
                                              Conv2d{48, 32, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU{0.2}, Dropout{0.3}, Dense{4 * 4 * 32, 128}, LeakyReLU{0.2}, Dense{128, 1}}},
                     NonSaturating{}, {.seed = 3, .average_decay = 0.9, .threads = threads}};
  trainer.context().limit_instruction_set(at_most);
  return outcome_of(trainer, 1, 34);
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

TEST_CASE("convolutions of many channels give the same bits for any number of threads, by either kind of kernel") {
  const Conv2dGeometry wide{.n = 34, .h = 8, .w = 8, .c = 32, .o = 48, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1};
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512, InstructionSet::amx}) {
    if (set > detect_instruction_set()) continue;
    CAPTURE(static_cast<int>(set));
    Context<Cpu> context(1);
    context.limit_instruction_set(set);
    CHECK((cpu::SplitConvolution::suits(context, wide) || cpu::Winograd<float>::suits(context, wide)));
    const Outcome expected = train_wide(1, set);
    for (const int threads : {2, 3}) CHECK(train_wide(threads, set) == expected);
  }
}
