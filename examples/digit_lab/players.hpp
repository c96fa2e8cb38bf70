// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "digit_lab/rows.hpp"
#include "nash/nash.hpp"

namespace digit_lab {

using nash::index_t;

/// What all rows of a run have in common. `updates_of_d` is 0 where each row is to have its own number.
struct Settings {
  index_t steps, batch_size, width, hidden, latent, updates_of_d;
  nash::Adam adam;
  double rate_of_d;  ///< the discriminator's, as a multiple of the generator's
};

/// Networks are put together when the program runs, so that all rows have one type.
template <class Device>
using Net = nash::AnySequential<float, Device>;
template <class Device>
using AnyLayers = std::vector<nash::AnyLayer<float, Device>>;

/// latent → hidden → 7×7 → 14×14 → 28×28, as dcgan28_dense_generator.
template <class Device>
nash::Generator<Net<Device>> make_generator(const Row& row, const Settings& settings) {
  using namespace nash;
  const index_t width = settings.width, hidden = settings.hidden, reference = settings.batch_size;
  const ConvTranspose2dOptions grow{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  const bool has_reference = row.of_g == Normalise::reference || row.of_g == Normalise::reference_alone;
  AnyLayers<Device> layers;
  const auto add_norm = [&](index_t channels) {
    if (has_reference)
      layers.push_back(VirtualBatchNorm<float, Device>{channels, reference, {.own = row.of_g == Normalise::reference, .init = Init::normal(0.02, 1)}});
    else
      layers.push_back(BatchNorm<float, Device>{channels, {.init = Init::normal(0.02, 1)}});
    layers.push_back(ReLU<float, Device>{});
    if (row.dropout_of_g > 0) layers.push_back(Dropout<float, Device>{row.dropout_of_g, {.in_inference = true}});
  };
  const auto add_growth = [&](index_t channels, index_t filters) {
    if (row.pixel_shuffle) {
      layers.push_back(Conv2d<float, Device>{channels, 4 * filters, {.kernel = 3, .padding = 1, .init = Init::dcgan()}});
      layers.push_back(PixelShuffle<float, Device>{2});
    } else {
      layers.push_back(ConvTranspose2d<float, Device>{channels, filters, grow});
    }
  };
  layers.push_back(Dense<float, Device>{settings.latent, hidden, {.bias = false, .init = Init::dcgan()}});
  add_norm(hidden);
  layers.push_back(Dense<float, Device>{hidden, 7 * 7 * 2 * width, {.bias = false, .init = Init::dcgan()}});
  layers.push_back(Reshape<float, Device>{7, 7, 2 * width});
  add_norm(2 * width);
  add_growth(2 * width, width);
  add_norm(width);
  add_growth(width, 1);
  layers.push_back(Tanh<float, Device>{});
  Net<Device> net(std::move(layers));
  if (has_reference) {
    AnyLayers<Device> with_reference;
    with_reference.push_back(ReferenceBatch<Net<Device>>{Shape{reference, settings.latent}, std::move(net)});
    return {Latent::normal(settings.latent), Net<Device>(std::move(with_reference))};
  }
  return {Latent::normal(settings.latent), std::move(net)};
}

/// 28×28 → 14×14 → 7×7 → hidden, as dcgan28_dense_discriminator but for the head.
template <class Device>
Net<Device> make_features(const Row& row, const Settings& settings) {
  using namespace nash;
  const index_t width = settings.width, hidden = settings.hidden;
  const Init init = row.of_d == Normalise::batch ? Init::dcgan() : Init::he(0.2);
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .init = init};
  AnyLayers<Device> layers;
  const auto add_norm = [&](index_t channels) {
    if (row.of_d == Normalise::batch) layers.push_back(BatchNorm<float, Device>{channels, {.init = Init::normal(0.02, 1)}});
    if (row.of_d == Normalise::layer) layers.push_back(LayerNorm<float, Device>{channels});
    layers.push_back(LeakyReLU<float, Device>{0.2});
  };
  const auto add_halving = [&](index_t channels, index_t filters) {
    if (row.average_pool) {
      layers.push_back(Conv2d<float, Device>{channels, filters, {.kernel = 3, .padding = 1, .init = init}});
      layers.push_back(AvgPool2d<float, Device>{{.kernel = 2}});
    } else {
      layers.push_back(Conv2d<float, Device>{channels, filters, halve});
    }
  };
  add_halving(1, width);
  layers.push_back(LeakyReLU<float, Device>{0.2});
  add_halving(width, 2 * width);
  add_norm(2 * width);
  if (row.std_dev) layers.push_back(MinibatchStdDev<float, Device>{});
  layers.push_back(Dense<float, Device>{7 * 7 * (2 * width + row.std_dev), hidden, {.init = init}});
  add_norm(hidden);
  return Net<Device>(std::move(layers));
}

template <class Device>
Net<Device> make_head(const Row& row, const Settings& settings) {
  using namespace nash;
  AnyLayers<Device> layers;
  if (row.kernels > 0) layers.push_back(MinibatchDiscrimination<float, Device>{settings.hidden, row.kernels});
  layers.push_back(Dense<float, Device>{settings.hidden + row.kernels, 1,
                                        {.init = row.of_d == Normalise::batch ? Init::dcgan() : Init::he(0.2)}});
  return Net<Device>(std::move(layers));
}

template <class Device>
nash::Discriminator<Net<Device>> make_discriminator(const Row& row, const Settings& settings) {
  AnyLayers<Device> layers = make_features<Device>(row, settings).layers();
  for (const auto& layer : make_head<Device>(row, settings).layers()) layers.push_back(layer);
  nash::Discriminator<Net<Device>> d{Net<Device>(std::move(layers))};
  return row.of_d == Normalise::spectral ? spectral_normalise(d) : d;
}

}  // namespace digit_lab
