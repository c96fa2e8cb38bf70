// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"
#include "nash/sample/interpolation.hpp"
#include "nash/sample/langevin.hpp"
#include "nash/sample/rejection.hpp"

using namespace nash;

namespace {

const Golden& golden() {
  static const Golden file("samplers");
  return file;
}

template <class Network>
Network loaded(const std::string& prefix, Network network) {
  Context<Cpu> context(1);
  golden().load(prefix, context, network);
  network.mark_loaded(context);
  return network;
}

template <class T>
void check_refined_latents(double tolerance) {
  Context<Cpu> context;
  const auto generator = loaded("players/generator.",
                                Generator{Latent::normal(4), Sequential{Dense{4, 12, {.bias = false}}, Reshape{2, 2, 3}, BatchNorm{3}, Softplus{},
                                                                        ConvTranspose2d{3, 2, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}}
                                                                 .to<T>()});
  const auto discriminator = loaded("players/discriminator.",
                                    Discriminator{Sequential{Conv2d{2, 5, {.kernel = 3, .stride = 2, .padding = 1, .bias = false}}, BatchNorm{5},
                                                             LeakyReLU{0.2}, Dense{20, 4}, Tanh{}, Dense{4, 1}}
                                                      .to<T>()});
  for (const auto& [name, dynamics] : {std::pair{"ddls/z", LatentDynamics::ddls}, {"dg_flow/z", LatentDynamics::dg_flow}}) {
    auto z = golden().tensor<T>("players/generator.z1");
    refine_latents(context, generator, discriminator, RandomStream(7), z, {.dynamics = dynamics, .steps = 3, .rate = 0.1, .noise = 0.8});
    check_close(z, golden().entry(name), tolerance);
  }
}

template <class T>
void check_interpolation(double tolerance) {
  Context<Cpu> context;
  const auto a = golden().tensor<T>("interpolation/a"), b = golden().tensor<T>("interpolation/b");
  check_close(interpolate(context, a, b, 4, Interpolation::linear), golden().entry("linear"), tolerance);
  check_close(interpolate(context, a, b, 4), golden().entry("spherical"), tolerance);
}

}  // namespace

TEST_CASE("discriminator rejection accepts samples with PyTorch's probabilities, with γ = 0 and by a percentile") {
  DiscriminatorRejection plain{{.percentile = std::nullopt, .calibration = {0.7, -0.4}}}, percentile{{.percentile = 80, .calibration = {0.7, -0.4}}};
  for (const std::string batch : {"rejection.1/", "rejection.2/"}) {
    const auto& logits = golden().entry(batch + "logits").values;
    check_close<double>(std::span<const double>(plain.acceptance(logits)), golden().entry(batch + "plain"), 1e-10);
    check_close<double>(std::span<const double>(percentile.acceptance(logits)), golden().entry(batch + "percentile"), 1e-10);
  }
}
TEST_CASE("logits are calibrated by the line that PyTorch's minimiser finds") {
  const auto line = LogitCalibration::fit(golden().entry("calibration/real").values, golden().entry("calibration/fake").values);
  const std::array<double, 2> found{line.slope, line.offset};
  check_close<double>(std::span<const double>(found), golden().entry("calibration/line"), 1e-6);
}
TEST_CASE("three steps of Langevin dynamics on latents are PyTorch's, with the prior (DDLS) and without (DG-flow)") {
  check_refined_latents<double>(1e-10);
  check_refined_latents<float>(1e-4);
}
TEST_CASE("linear and spherical interpolation are PyTorch's") {
  check_interpolation<double>(1e-10);
  check_interpolation<float>(1e-4);
}
