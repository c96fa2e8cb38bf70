// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"
#include "method/methods.hpp"
#include "nash/nash.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

/// Four steps with every method at once.
template <class Device>
std::vector<double> run_with_all() {
  auto g = small_generator<double>();
  g.initialise(1);
  Discriminator d{Sequential{Conv2d<double>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LayerNorm<double>{4}, LeakyReLU<double>{0.2},
                             Dense<double>{4 * 4 * 4, 5}, Tanh<double>{}, Dense<double>{5, 1}}};
  d.initialise(2);
  GanTrainer trainer{g.to<double, Device>(), d.to<double, Device>(), LeastSquares{}, {.seed = 3},
                     GradientPenalty{1}, Dragan{1}, R1{1}, R2{1, 2}, WeightClip{0.5}, OrthogonalRegularisation{0.1}, LeCam{0.3, {.begin = 1}},
                     LabelSmoothing{0.9, 1}, LabelFlips{0.2}, InstanceNoise{0.1, 10}, TopK{{.decay = 0.8, .every = 1}}, HistoricalAveraging{0.1},
                     FeatureMatching{1}, ReplayPool{20}, BalancedSteps{1}, Logan{0.5}, DiffAugment{},
                     AdaptiveAugmentation{{.interval = 1, .images = 20, .probability = 0.5}}};
  return state_after(trainer, 4, {6, 8, 8, 1});
}

}  // namespace

TEST_CASE("a run with every method on the Cpu is that on the Reference device, and on a GPU's stand-in") {
  const auto reference = run_with_all<Reference>();
  CHECK(relative_difference(run_with_all<Cpu>(), reference) < 1e-7);
  CHECK(relative_difference(run_with_all<StandIn>(), reference) < 1e-7);
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
