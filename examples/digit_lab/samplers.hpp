// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "digit_lab/players.hpp"

namespace digit_lab {

/// What samplers need of a run.
template <class Device>
struct Players {
  nash::Generator<Net<Device>> generator;
  nash::Discriminator<Net<Device>> discriminator;
};

/// The logits that a discriminator gives to samples.
template <class Device>
std::vector<double> logits_of(nash::Context<Device>& context, const nash::Discriminator<Net<Device>>& discriminator, const nash::Tensor<float, Device>& samples) {
  nash::Tensor<float, Device> logits;
  discriminator.discriminate(context, samples, logits);
  const std::vector<float> values = logits.to_host();
  return {values.begin(), values.end()};
}

/// The first images of a set, as a discriminator sees them.
template <class Device>
nash::Tensor<float, Device> images_of(const nash::Dataset& digits, index_t count) {
  nash::Loader<float, Device> loader{digits, {.batch_size = std::min(count, digits.size()), .shuffle = false}};
  return loader.next().images;
}

/// The same discriminator with calibrated logits: one more layer, slope·logit + offset.
template <class Device>
nash::Discriminator<Net<Device>> calibrated(nash::Context<Device>& context, const nash::Discriminator<Net<Device>>& discriminator,
                                            const nash::LogitCalibration& calibration) {
  AnyLayers<Device> layers = discriminator.body().layers();
  layers.push_back(nash::Dense<float, Device>{1, 1});
  nash::Discriminator<Net<Device>> d{Net<Device>(std::move(layers))};
  std::vector<float> values = d.parameters().to_host();  // the last two are the new layer's
  values[values.size() - 2] = static_cast<float>(calibration.slope), values.back() = static_cast<float>(calibration.offset);
  d.parameters().assign_from_host(values);
  d.mark_loaded(context);
  return d;
}

/// `count` samples by a sampler, of players that were trained as the baseline.
template <class Device>
nash::Tensor<float, Device> draw(const Row& row, nash::Context<Device>& context, const Players<Device>& players, const nash::Dataset& held_out,
                                 std::uint64_t seed, index_t count) {
  using namespace nash;
  const auto& [generator, discriminator] = players;
  const RandomStream random(seed);
  if (row.kind == Kind::truncation) return truncated_samples(context, generator, random, count, 1);
  const LogitCalibration calibration =
      LogitCalibration::fit(logits_of<Device>(context, discriminator, images_of<Device>(held_out, count)),
                            logits_of<Device>(context, discriminator, generator.generate(context, RandomStream(seed + 2000), count)));
  if (row.kind == Kind::rejection)
    return DiscriminatorRejection{{.calibration = calibration, .burn_in = 10 * count}}.sample(context, generator, discriminator, random, count);
  Tensor<float, Device> latents, samples;
  generator.latent().draw(context, random, count, latents);
  refine_latents(context, generator, calibrated<Device>(context, discriminator, calibration), random.child(1), latents,
                 {.dynamics = row.kind == Kind::ddls ? LatentDynamics::ddls : LatentDynamics::dg_flow});
  generator.generate(context, latents, samples);
  return samples;
}

}  // namespace digit_lab
