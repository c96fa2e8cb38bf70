// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"
#include "method/all_methods.hpp"

using namespace nash;

TEST_CASE("a run with every method on the Cpu is that on the Reference device") {
  CHECK(relative_difference(run_with_all_methods<Cpu>(), run_with_all_methods<Reference>()) < 1e-7);
}

TEST_CASE("one with all of them is bit-identical for any number of threads, and allocates nothing once it has run") {
  const auto run = [](int threads) {
    GanTrainer trainer{small_generator(32), plain_discriminator<float>(), NonSaturating{}, {.seed = 3, .threads = threads},
                       GradientPenalty{1}, R1{1}, LabelSmoothing{0.9, 1}, LabelFlips{0.2}, InstanceNoise{0.1}, TopK{{.decay = 0.8, .every = 1}},
                       FeatureMatching{1}, ReplayPool{100}, OrthogonalRegularisation{0.1}, LeCam{0.3, {.begin = 1}}, HistoricalAveraging{0.1},
                       Logan{0.5}, DiffAugment{}, AdaptiveAugmentation{{.probability = 0.5}}};
    const auto images = random_images({50, 8, 8, 1});
    for (int step = 0; step < 2; ++step) trainer.step(images);
    const std::int64_t before = allocation_count();
    for (int step = 0; step < 2; ++step) trainer.step(images);
    if (counts_allocations()) CHECK(allocation_count() == before);
    return state_after(trainer, 1, {50, 8, 8, 1});
  };
  CHECK(same_bits(run(1), run(2)));
}
