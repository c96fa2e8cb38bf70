// SPDX-License-Identifier: Apache-2.0
#include "gpu/method_runs.hpp"
#include "method/all_methods.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

/// A method's run is Reference's in double, the Cpu's in float, and the same bits whether steps are recorded or not.
template <bool spectral = false, class... Methods>
void compare_runs(const std::string& name, const Methods&... methods) {
  CAPTURE(name);
  CHECK(relative_difference(run_with<double, Device, spectral>(true, methods...), run_with<double, Reference, spectral>(true, methods...)) < 1e-7);
  const auto recorded = run_with<float, Device, spectral>(true, methods...);
  CHECK(same_bits(recorded, run_with<float, Device, spectral>(false, methods...)));
  CHECK(relative_difference(recorded, run_with<float, Cpu, spectral>(true, methods...)) < 1e-3);
}

}  // namespace

TEST_CASE("penalties on gradients by the images are on a GPU what they are elsewhere") {
  compare_runs("GradientPenalty", GradientPenalty{10});
  compare_runs("R1", R1{1});
  compare_runs("Dragan", Dragan{1});
}

TEST_CASE("methods that look at logits, latents, images and weights are on a GPU what they are elsewhere") {
  compare_runs("LeCam", LeCam{0.3, {.begin = 1}});
  compare_runs("Logan", Logan{0.5});
  compare_runs("DiffAugment", DiffAugment{});
  compare_runs("OrthogonalRegularisation and WeightClip", OrthogonalRegularisation{0.1}, WeightClip{0.5});
}

TEST_CASE("a loss of both batches, and methods that carry tensors or take several sums, give the same bits whether steps are recorded or not") {
  const auto run = [](auto device, bool record) {
    using D = decltype(device);
    GanTrainer trainer{small_generator<float>().template to<float, D>(), curved_discriminator<float, false>().template to<float, D>(), RelativisticAverage{},
                       {.seed = 3, .record_steps = record}, R1{1, 2}, LeCam{0.3, {.begin = 1}}, ReplayPool{12}, FeatureMatching{1}, OrthogonalRegularisation{0.1},
                       AdaptiveAugmentation{{.interval = 1, .images = 60, .probability = 0.5}, PixelBlit{}}};
    if constexpr (requires { trainer.context().set_exact_products(true); }) trainer.context().set_exact_products(true);
    return state_after(trainer, 7, {6, 8, 8, 1});
  };
  const auto recorded = run(Device{}, true);
  CHECK(same_bits(recorded, run(Device{}, false)));
  CHECK(relative_difference(recorded, run(Cpu{}, true)) < 1e-2);
}

TEST_CASE("spectral norm is on a GPU what it is elsewhere, with a penalty too") {
  compare_runs<true>("spectral norm");
  compare_runs<true>("spectral norm and GradientPenalty", GradientPenalty{1});
}

TEST_CASE("a run with every method on a GPU is that on the Reference device") {
  CHECK(relative_difference(run_with_all_methods<Device>(), run_with_all_methods<Reference>()) < 1e-7);
}

TEST_CASE("methods that are chosen at run time are on a GPU what they are when the compiler knows them") {
  using Any = AnyMethod<decltype(small_generator().to<float, Device>()), decltype(curved_discriminator<float, false>().to<float, Device>())>;
  CHECK(same_bits(run_with<float, Device>(true, std::vector<Any>{R1{1}, InstanceNoise{0.1}, TopK{}}), run_with<float, Device>(true, R1{1}, InstanceNoise{0.1}, TopK{})));
  CHECK(same_bits(run_with<float, Device>(true, std::vector<Any>{LeCam{0.3, {.begin = 1}}}), run_with<float, Device>(true, LeCam{0.3, {.begin = 1}})));
}
