// SPDX-License-Identifier: Apache-2.0
#include "gpu/method_runs.hpp"

using namespace nash;

TEST_CASE("on a GPU, too, each method at its zero changes no bit") {
  using Any = AnyMethod<decltype(small_generator().to<float, DeviceUnderTest>()), decltype(curved_discriminator<float, false>().to<float, DeviceUnderTest>())>;
  const auto run = [](const std::vector<Any>& methods) { return run_with<float, DeviceUnderTest>(true, methods); };
  const auto plain = run({});
  const std::pair<std::string, Any> zeros[] = {
      {"TopK", TopK{{.least = 1}}}, {"InstanceNoise", InstanceNoise{0}}, {"LeCam", LeCam{0}}, {"OrthogonalRegularisation", OrthogonalRegularisation{0}},
      {"HistoricalAveraging", HistoricalAveraging{0}}, {"LabelFlips", LabelFlips{0}}, {"LabelSmoothing", LabelSmoothing{1}},
      {"DiffAugment", DiffAugment{{.brightness = 0, .saturation = 0, .contrast = 0, .translation = 0, .cutout = 0}}}, {"BalancedSteps", BalancedSteps{1}},
      {"GradientPenalty", GradientPenalty{0}}, {"R1", R1{0}}, {"R2", R2{0}}, {"Dragan", Dragan{0}}};
  for (const auto& zero : zeros) {
    CAPTURE(zero.first);
    CHECK(same_bits(run({zero.second}), plain));
  }
  CHECK_FALSE(same_bits(run({InstanceNoise{0.1}}), plain));
}
