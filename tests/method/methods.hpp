// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/wasserstein.hpp"
#include "train/players.hpp"

/// What a method adds to the gradients of D: with a loss that has no gradient, nothing else is in them.
struct NoLoss {
  NASH_HOST_DEVICE nash::LossValue real(double) const { return {0, 0}; }
  NASH_HOST_DEVICE nash::LossValue fake(double) const { return {0, 0}; }
  NASH_HOST_DEVICE nash::LossValue generator(double) const { return {0, 0}; }
};

/// Images of 5×5 pixels: small enough for differences by every parameter.
template <class T = double, class Device = nash::Cpu>
auto tiny_generator() {
  using namespace nash;
  return Generator{Latent::normal(3), Sequential{Dense<T, Device>{3, 25}, Tanh<T, Device>{}, Reshape<T, Device>{5, 5, 1}}};
}

/// The labels 0, 1, … of a batch.
inline std::vector<std::int32_t> labels_in_turn(nash::index_t samples, int classes = 4) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i) % classes;
  return labels;
}

/// All of a run: the states of both networks after some steps.
template <class Trainer>
std::vector<typename Trainer::Scalar> state_after(Trainer& trainer, int steps, const nash::Shape& shape) {
  for (int step = 0; step < steps; ++step)
    trainer.step(random_images<typename Trainer::Scalar, typename Trainer::Device>(shape, static_cast<std::uint64_t>(step)), labels_in_turn(shape[0]));
  auto state = state_values(trainer.discriminator());
  const auto own = state_values(trainer.generator());
  state.insert(state.end(), own.begin(), own.end());
  return state;
}

/// The gradient of D's first update against central differences of what the methods add to D's loss there, by every parameter of D.
/// Each value is that of a trainer made anew: the same seed draws the same latents and the same random numbers of methods.
template <class G, class D, class... Methods>
void check_penalty_with(const G& generator, const D& discriminator, const Methods&... methods) {
  using namespace nash;
  const auto images = random_images<double, typename D::Device>({4, 5, 5, 1}, 7);
  struct Run {
    double value;
    std::vector<double> gradients;
  };
  const auto run = [&](const D& d) {
    Run found{};
    GanTrainer trainer{generator, d, NoLoss{}, {.seed = 5, .phases = {{Player::discriminator}}, .threads = 1}, methods...};
    trainer.set_gradient_reduction([&](Player, Tensor<double, typename D::Device>& gradients) { found.gradients = gradients.to_host(); });
    found.value = trainer.step(images, labels_in_turn(4, 3)).d_added.value();
    return found;
  };
  const Run at = run(discriminator);
  CHECK(at.value != 0);
  D moved = discriminator;
  std::vector<double> parameters = discriminator.parameters().to_host();
  double largest = 0, worst = 0;
  for (const double g : at.gradients) largest = std::max(largest, std::abs(g));
  REQUIRE(largest > 0);
  Context<typename D::Device> context(1);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double kept = parameters[i], h = 1e-5;
    const auto value_at = [&](double theta) {
      parameters[i] = theta;
      moved.parameters().assign_from_host(parameters);
      moved.restore(context);
      return run(moved).value;
    };
    const double difference = (value_at(kept + h) - value_at(kept - h)) / (2 * h);
    parameters[i] = kept;
    worst = std::max(worst, std::abs(at.gradients[i] - difference));
  }
  CHECK(worst < 1e-7 * std::max(1.0, largest));
}

template <class D, class... Methods>
void check_penalty(const D& discriminator, const Methods&... methods) {
  auto generator = tiny_generator<double, typename D::Device>();
  generator.initialise(3);
  check_penalty_with(generator, discriminator, methods...);
}

/// A critic with every kind of layer that is twice differentiable and sees each sample by itself.
template <class Device = nash::Cpu>
auto curved_critic() {
  using namespace nash;
  using T = double;
  Discriminator d{Sequential{SpectralNorm{Conv2d<T, Device>{1, 3, {.kernel = 3, .stride = 2, .padding = 1}}}, Softplus<T, Device>{},
                             ConvTranspose2d<T, Device>{3, 2, {.kernel = 2, .stride = 1}}, Tanh<T, Device>{},
                             Residual{Sequential{Conv2d<T, Device>{2, 2, {.kernel = 3, .padding = 1}}, Sigmoid<T, Device>{}}}, Flatten<T, Device>{},
                             Maxout<T, Device>{32, 4, {.pieces = 2}}, Dropout<T, Device>{0.2}, Dense<T, Device>{4, 5}, LeakyReLU<T, Device>{0.2},
                             Dense<T, Device>{5, 1}}};
  d.initialise(11);
  return d;
}
