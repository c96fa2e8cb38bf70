// SPDX-License-Identifier: Apache-2.0
#include "golden/players.hpp"
#include "nash/sample/interpolation.hpp"
#include "nash/sample/langevin.hpp"
#include "nash/sample/rejection.hpp"

using namespace nash;

namespace {

const Golden& sampler_values() {
  static const Golden file("samplers");
  return file;
}

template <class T>
void check_refined_latents(double tolerance) {
  Context<Cpu> context;
  const auto generator = golden_generator<T>(sampler_values());
  const auto discriminator = golden_discriminator<T>(sampler_values());
  for (const auto& [name, dynamics] : {std::pair{"ddls/z", LatentDynamics::ddls}, {"dg_flow/z", LatentDynamics::dg_flow}}) {
    auto z = sampler_values().tensor<T>("players/generator.z1");
    refine_latents(context, generator, discriminator, RandomStream(7), z,
                   {.dynamics = dynamics, .steps = 3, .rate = 0.1, .noise = 0.8});
    check_close(z, sampler_values().entry(name), tolerance);
  }
}

template <class T>
void check_interpolation(double tolerance) {
  Context<Cpu> context;
  const auto a = sampler_values().tensor<T>("interpolation/a"), b = sampler_values().tensor<T>("interpolation/b");
  check_close(interpolate(context, a, b, 4, Interpolation::linear), sampler_values().entry("linear"), tolerance);
  check_close(interpolate(context, a, b, 4), sampler_values().entry("spherical"), tolerance);
}

}  // namespace

// With g++ 12 double reaches 6e-16, the calibration 5e-11, where PyTorch's minimiser ends, and float 1e-7.

TEST_CASE("discriminator rejection accepts samples with PyTorch's probabilities, with γ = 0 and by a percentile") {
  DiscriminatorRejection plain{{.percentile = std::nullopt, .calibration = {0.7, -0.4}}},
      percentile{{.percentile = 80, .calibration = {0.7, -0.4}}};
  for (const std::string batch : {"rejection.1/", "rejection.2/"}) {
    const auto& logits = sampler_values().entry(batch + "logits").values;
    check_close<double>(std::span<const double>(plain.acceptance(logits)), sampler_values().entry(batch + "plain"), 1e-10);
    check_close<double>(std::span<const double>(percentile.acceptance(logits)), sampler_values().entry(batch + "percentile"), 1e-10);
  }
}
TEST_CASE("logits are calibrated by the line that PyTorch's minimiser finds") {
  const auto line = LogitCalibration::fit(sampler_values().entry("calibration/real").values, sampler_values().entry("calibration/fake").values);
  const std::array<double, 2> found{line.slope, line.offset};
  check_close<double>(std::span<const double>(found), sampler_values().entry("calibration/line"), 1e-6);
}
TEST_CASE("three steps of Langevin dynamics on latents are PyTorch's, with the prior (DDLS) and without (DG-flow)") {
  check_refined_latents<double>(1e-10);
  check_refined_latents<float>(1e-4);
}
TEST_CASE("linear and spherical interpolation are PyTorch's") {
  check_interpolation<double>(1e-10);
  check_interpolation<float>(1e-4);
}
