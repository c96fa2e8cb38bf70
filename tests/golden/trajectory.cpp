// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "golden/golden.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/train/gan_trainer.hpp"

using namespace nash;

namespace {

/// Checks how far a network's state moved from "start/…" to "end/…", relative to the largest move of each tensor: twenty steps
/// move parameters by 4e-3 at most, so that the values themselves would tell little.
template <class Network>
void check_moves(const Golden& golden, const std::string& player, const Network& network, double tolerance) {
  Network::visit_state(network, [&](const StateName& name, const auto& state) {
    const std::string entry = player + "." + name.text();
    const Golden::Entry &start = golden.entry("start/" + entry), &end = golden.entry("end/" + entry);
    const auto values = state.value().to_host();
    REQUIRE(end.values.size() == values.size());
    Golden::Entry golden_move{entry + " moved, which", end.shape, end.values};
    std::vector<double> move(values.begin(), values.end());
    for (std::size_t i = 0; i < move.size(); ++i) {
      move[i] -= start.values[i];
      golden_move.values[i] -= start.values[i];
    }
    check_close<double>(std::span<const double>(move), golden_move, tolerance);
  });
}

/// The networks of make_golden.py, from the same parameters, through twenty steps on the same images and latents.
template <class T>
void check_trajectory(double tolerance) {
  const Golden golden("trajectory");
  Generator generator{Latent::normal(8),
                      Sequential{Dense{8, 72, {.bias = false}}, Reshape{3, 3, 8}, BatchNorm{8}, ReLU{},
                                 ConvTranspose2d{8, 6, {.kernel = 4, .stride = 2, .padding = 1, .bias = false}}, BatchNorm{6},
                                 ReLU{}, ConvTranspose2d{6, 1, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}}
                          .to<T>()};
  Discriminator discriminator{Sequential{
      Conv2d{1, 6, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU{0.2},
      Conv2d{6, 8, {.kernel = 4, .stride = 2, .padding = 1, .bias = false}}, BatchNorm{8}, LeakyReLU{0.2},
      Dense{72, 1}}.to<T>()};
  Context<Cpu> context;
  golden.load("start/generator.", context, generator);
  golden.load("start/discriminator.", context, discriminator);
  generator.mark_loaded(context);
  discriminator.mark_loaded(context);
  GanTrainer trainer{std::move(generator), std::move(discriminator), NonSaturating{}};
  trainer.set_latent_source([&](Player player, index_t step, index_t, Tensor<T>& z) {
    const Golden::Entry& latents = golden.entry(concat({step - 1, "/", name_of(player)}));
    REQUIRE(latents.shape == z.shape());
    z = golden.tensor<T>(latents.name);
  });

  std::map<std::string, std::vector<double>> reports;
  for (index_t step = 0; step < 20; ++step) {
    const StepReport report = trainer.step(golden.tensor<T>(concat({step, "/images"})));
    reports["d_loss"].push_back(report.d_loss.value());
    reports["d_real"].push_back(report.d_real.value());
    reports["d_fake"].push_back(report.d_fake.value());
    reports["d_gradient_norm"].push_back(report.d_gradient_norm.value());
    reports["g_loss"].push_back(report.g_loss.value());
    reports["g_gradient_norm"].push_back(report.g_gradient_norm.value());
  }
  for (const auto& [name, values] : reports)
    check_close<double>(std::span<const double>(values), golden.entry("report/" + name), tolerance);
  check_moves(golden, "generator", trainer.generator(), tolerance);
  check_moves(golden, "discriminator", trainer.discriminator(), tolerance);
}

}  // namespace

// With g++ 12 double reaches 2e-14 and float 1e-4; Adam magnifies the rounding of small gradients.

TEST_CASE("twenty steps of a small DCGAN go where PyTorch's go, in double") { check_trajectory<double>(1e-8); }
TEST_CASE("twenty steps of a small DCGAN go where PyTorch's go, in float") { check_trajectory<float>(1e-3); }
