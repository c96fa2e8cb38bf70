// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/reference_batch.hpp"
#include "nash/nn/residual.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/spectral_norm.hpp"

namespace nash {

/// A layer with a weight matrix of its own: Dense, Conv2d, ConvTranspose2d.
template <class L>
concept Weighted = Layer<L> && std::is_base_of_v<AffineLayer<L, typename L::Scalar, typename L::Device>, L>;

/// The same layer, with SpectralNorm around every weighted layer in it. What has one already, and layers of other kinds, stay.
template <Layer L>
auto spectral_normalise(const L& layer, const SpectralNormOptions& options = {}) {
  if constexpr (Weighted<L>) {
    constexpr int refreshes = 15;  // as for a network that is initialised
    Context<typename L::Device> context(1);
    SpectralNorm<L> normalised(layer, options);
    for_each_buffer(normalised, [&](const StateName& name, auto& buffer) {  // the power iteration's vectors
      buffer.initialise(context, RandomStream(0).child(name.text() == "u" ? 0 : 1));
    });
    for (int i = 0; i < refreshes; ++i) normalised.refresh(context);
    return normalised;
  } else {
    return layer;
  }
}
template <class... Layers>
auto spectral_normalise(const Sequential<Layers...>& layers, const SpectralNormOptions& options = {});
template <class Body, class Skip>
auto spectral_normalise(const Residual<Body, Skip>& layer, const SpectralNormOptions& options = {}) {
  auto body = spectral_normalise(layer.body(), options);
  auto skip = spectral_normalise(layer.skip(), options);
  return Residual<decltype(body), decltype(skip)>(std::move(body), std::move(skip));
}
template <class Body>
auto spectral_normalise(const ReferenceBatch<Body>& layer, const SpectralNormOptions& options = {}) {
  return layer.with_body(spectral_normalise(layer.body(), options));
}
template <class... Layers>
auto spectral_normalise(const Sequential<Layers...>& layers, const SpectralNormOptions& options) {
  return [&]<std::size_t... Is>(std::index_sequence<Is...>) {
    return Sequential<decltype(spectral_normalise(layers.template layer<Is>(), options))...>(spectral_normalise(layers.template layer<Is>(), options)...);
  }(std::index_sequence_for<Layers...>{});
}

/// A discriminator with spectral normalisation on every weighted layer: GanTrainer{generator, spectral_normalise(discriminator), Hinge{}}.
/// Parameters that were set stay. Miyato et al. 2018, section 2.
template <class Body>
auto spectral_normalise(const Discriminator<Body>& discriminator, const SpectralNormOptions& options = {}) {
  auto body = spectral_normalise(discriminator.body(), options);
  Discriminator<decltype(body)> normalised(std::move(body));
  if (discriminator.is_ready()) {
    Context<typename Body::Device> context(1);
    normalised.mark_loaded(context);
  }
  return normalised;
}

}  // namespace nash
