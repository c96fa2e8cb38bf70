// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/nn/conditional_concat.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/embedding.hpp"
#include "nash/nn/maxout.hpp"
#include "nash/nn/minibatch_discrimination.hpp"
#include "nash/nn/projection_head.hpp"
#include "nash/nn/reference_batch.hpp"
#include "nash/nn/residual.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/spectral_norm.hpp"

namespace nash {

/// Throws Error: a layer holds weights in a way that is not known here.
[[noreturn]] NASH_COLD inline void refuse_to_normalise(const LayerDescription& layer) {
  throw Error("spectral_normalise", "weight matrices that it can reach", concat({layer.type(), ", which holds some out of its reach"}),
              concat({"put SpectralNorm around the layers of ", layer.type(), " where it is made, before it becomes an AnyLayer"}));
}

/// The same layer, with SpectralNorm around every layer in it that has weight matrices. What has one already stays. Throws Error where it
/// does not reach them all: within a composite of your own, as far as its traits() say so, or a layer of your own that is an AnyLayer. A
/// ConditionalConcat of indicators, which has no matrix, gets a SpectralNorm that does nothing where its type is known when this is compiled.
template <Layer L>
auto spectral_normalise(const L& layer, const SpectralNormOptions& options = {}) {
  if constexpr (Weighted<L>) {
    constexpr int refreshes = 15;  // as for a network that is initialised
    Context<typename L::Device> context(1);
    SpectralNorm<L> normalised(layer, options);
    std::uint64_t vectors = 0;  // of the power iteration
    for_each_buffer(normalised, [&](const StateName&, auto& buffer) { buffer.initialise(context, RandomStream(0).child(vectors++)); });
    for (int i = 0; i < refreshes; ++i) normalised.refresh(context);
    return normalised;
  } else {
    if (traits_of(layer).plain_weights) refuse_to_normalise(layer.describe());
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

/// The same, of a layer whose type is known at run time only.
template <class T, class D>
NASH_COLD AnyLayer<T, D> spectral_normalise(const AnyLayer<T, D>& layer, const SpectralNormOptions& options = {});
template <class T, class D>
NASH_COLD AnySequential<T, D> spectral_normalise(const AnySequential<T, D>& layers, const SpectralNormOptions& options = {}) {
  std::vector<AnyLayer<T, D>> normalised;
  for (const AnyLayer<T, D>& layer : layers.layers()) normalised.push_back(spectral_normalise(layer, options));
  return AnySequential<T, D>(std::move(normalised));
}
template <class T, class D>
NASH_COLD AnyLayer<T, D> spectral_normalise(const AnyLayer<T, D>& layer, const SpectralNormOptions& options) {
  if (!layer.traits().plain_weights) return layer;
  std::optional<AnyLayer<T, D>> normalised;
  const auto normalise_if = [&]<class L>(const L* known) {
    if (known != nullptr) normalised.emplace(spectral_normalise(*known, options));
  };
  normalise_if(layer.template as<ConditionalConcat<T, D>>());
  normalise_if(layer.template as<Conv2d<T, D>>());
  normalise_if(layer.template as<ConvTranspose2d<T, D>>());
  normalise_if(layer.template as<Dense<T, D>>());
  normalise_if(layer.template as<Embedding<T, D>>());
  normalise_if(layer.template as<Maxout<T, D>>());
  normalise_if(layer.template as<MinibatchDiscrimination<T, D>>());
  normalise_if(layer.template as<ProjectionHead<T, D>>());
  normalise_if(layer.template as<AnySequential<T, D>>());
  normalise_if(layer.template as<Residual<AnyLayer<T, D>>>());
  normalise_if(layer.template as<Residual<AnyLayer<T, D>, AnyLayer<T, D>>>());
  normalise_if(layer.template as<ReferenceBatch<AnyLayer<T, D>>>());
  if (!normalised) refuse_to_normalise(layer.describe());
  return std::move(*normalised);
}

/// A discriminator with spectral normalisation on every weight matrix: GanTrainer{generator, spectral_normalise(discriminator), Hinge{}}.
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
