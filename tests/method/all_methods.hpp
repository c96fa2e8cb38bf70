// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "method/methods.hpp"
#include "nash/nash.hpp"

/// Four steps with every method at once.
template <class Device>
std::vector<double> run_with_all_methods() {
  using namespace nash;
  auto g = small_generator<double>();
  g.initialise(1);
  Discriminator d{Sequential{Conv2d<double>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LayerNorm<double>{4}, LeakyReLU<double>{0.2},
                             Dense<double>{4 * 4 * 4, 5}, Tanh<double>{}, Dense<double>{5, 1}}};
  d.initialise(2);
  GanTrainer trainer{g.to<double, Device>(), d.to<double, Device>(), LeastSquares{}, {.seed = 3},
                     GradientPenalty{1}, Dragan{1}, R1{1}, R2{1, 2}, WeightClip{0.5}, OrthogonalRegularisation{0.1}, LeCam{0.3, {.begin = 1}},
                     LabelSmoothing{0.9, 1}, LabelFlips{0.2}, InstanceNoise{0.1, 10}, TopK{{.decay = 0.8, .every = 1}}, HistoricalAveraging{0.1},
                     FeatureMatching{1}, ReplayPool{20}, BalancedSteps{1}, Logan{0.5}, DiffAugment{},
                     AdaptiveAugmentation{{.interval = 1, .images = 20, .probability = 0.5}, PixelBlit{}, GeometricWarp{}, ColourChange{}, BandFilter{}, Corruption{}}};
  return state_after(trainer, 4, {6, 8, 8, 1});
}
