// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/generator.hpp"

namespace nash {

/// The truncation trick's latents: N(0, 1) given that no value lies beyond the bound, as if those that do were drawn again and not
/// clamped. The smaller the bound, the more typical the samples and the less various. Brock et al. 2019, section 3.1.
///
/// Codes behind the latent stay as they are. Throws ShapeError unless the latent is normal, truncated already or not; a wider bound than
/// the latent's own changes nothing.
NASH_COLD inline Latent truncated(const Latent& latent, double bound) {
  using enum Latent::Distribution;
  if (latent.distribution() == uniform)
    throw ShapeError("truncated", "normal latents", "uniform ones", "draw them by Latent::uniform with a smaller bound");
  if (latent.distribution() == class_normal)
    throw ShapeError("truncated", "normal latents", "those around a mean for each class", "draw them by Latent::class_normal with a smaller deviation");
  if (latent.distribution() == truncated_normal && bound > latent.bound()) return latent;
  Latent other = Latent::truncated_normal(latent.first_code(), bound);
  for (const index_t values : latent.categories()) other = other.with_category(values);
  return latent.continuous() > 0 ? other.with_continuous(latent.continuous()) : other;
}

/// `count` fresh samples of latents truncated at a bound, in inference mode; of given labels where the generator depends on them.
template <class G>
NASH_COLD auto truncated_samples(Context<typename G::Device>& context, const G& generator, RandomStream random, index_t count, double bound,
                                 const LabelView& labels = {}) {
  Tensor<typename G::Scalar, typename G::Device> latents, samples;
  truncated(generator.latent(), bound).draw(context, random, count, latents);
  generator.generate(context, latents, samples, labels, random.child(1));
  return samples;
}
/// One of each of these classes.
template <class G>
NASH_COLD auto truncated_samples(Context<typename G::Device>& context, const G& generator, RandomStream random,
                                 const Labels<typename G::Device>& labels, double bound) {
  return truncated_samples(context, generator, random, labels.view().count, bound, labels.view());
}

}  // namespace nash
