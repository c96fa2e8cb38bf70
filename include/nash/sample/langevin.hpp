// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/random.hpp"
#include "nash/model/latent_gradient.hpp"
#include "nash/nn/kept_filters.hpp"

namespace nash {

/// z += rate·(gradient − prior·z) + deviation·ε, ε standard normal
template <class T>
struct LangevinStep {
  RandomStream random;
  double rate, prior, deviation;
  const T* gradient;
  T* z;
  NASH_HOST_DEVICE void move(index_t i, double normal) const {
    const double drift = static_cast<double>(gradient[i]) - prior * static_cast<double>(z[i]);
    z[i] = static_cast<T>(static_cast<double>(z[i]) + rate * drift + deviation * normal);
  }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto normals = random.normals(block);
    const index_t i = 4 * block;
    move(i, normals[0]), move(i + 1, normals[1]), move(i + 2, normals[2]), move(i + 3, normals[3]);
  }
  NASH_HOST_DEVICE void one(index_t i) const { move(i, random.normal(i)); }
};

/// Whether the latents' own distribution has a part in the drift.
enum class LatentDynamics {
  ddls,     ///< discriminator driven latent sampling: towards p(z)·exp(D(G(z)))
  dg_flow,  ///< the flow without a prior: to higher D(G(z)), however improbable the latents become
};

struct LangevinOptions {
  LatentDynamics dynamics = LatentDynamics::ddls;
  index_t steps = 100;
  double rate = 0.005;  ///< η; the paper of DDLS calls 2·η its ε
  double noise = 1;     ///< 0: a plain ascent
};

/// Moves latents, in place, to where the discriminator takes what the generator makes of them for real, by Langevin dynamics:
///
///     DDLS     z += η·(∇_z D(G(z)) − z) + noise·√(2η)·ε       Che et al. 2020, algorithm 1: E(z) = ½‖z‖² − D(G(z))
///     DG-flow  z += η·∇_z D(G(z))       + noise·√(2η)·ε       Ansari, Ang and Soh 2021, algorithm 1, for the Kullback–Leibler divergence
///
/// where D is the adversarial logit, which is to be the logarithm of the ratio of densities: calibrate it, or train D on. Networks are in
/// inference mode, so that each latent goes its own way, with its label where the networks depend on them. Throws ShapeError for DDLS with
/// latents that are not normal or have codes, NumericError where one ends up not finite.
template <class G, class D>
NASH_COLD void refine_latents(Context<typename G::Device>& context, const G& generator, const D& discriminator, RandomStream random,
                              Tensor<typename G::Scalar, typename G::Device>& z, const LangevinOptions& options = {},
                              const LabelView& labels = {}) {
  using T = typename G::Scalar;
  using Device = typename G::Device;
  const bool has_prior = options.dynamics == LatentDynamics::ddls;
  if (has_prior && (generator.latent().distribution() != Latent::Distribution::normal || generator.latent().has_codes()))
    throw ShapeError("refine_latents", "normal latents, whose density DDLS needs", "others", "use LatentDynamics::dg_flow or a generator of Latent::normal");
  require_at_least(0, options.steps, "refine_latents", "a number of steps");
  if (!(options.rate > 0 && std::isfinite(options.rate))) throw ShapeError("refine_latents", "a rate above 0", concat({options.rate}), "use 0.005");
  if (!(options.noise >= 0 && std::isfinite(options.noise)))
    throw ShapeError("refine_latents", "noise of at least 0", concat({options.noise}), "use 1, or 0 for none");
  LatentGradient<G, D> gradient;
  const KeptFilters kept_generator(context, generator.parameters()), kept_discriminator(context, discriminator.parameters());
  const Pass<Device> pass{.context = context, .mode = Mode::infer, .labels = labels};
  const double deviation = options.noise * std::sqrt(2 * options.rate);
  for (index_t step = 0; step < options.steps; ++step) {
    const Tensor<T, Device>& g = gradient.of(pass, generator, discriminator, z);
    pointwise_by_fours(context, z.count(),
                       LangevinStep<T>{random.child(static_cast<std::uint64_t>(step)), options.rate, has_prior ? 1.0 : 0.0, deviation, g.data(), z.data()});
  }
  if (!std::isfinite(sum(context, z.count(), Square<T>{z.data()})))
    throw NumericError("refine_latents", "finite latents", "one that is not", "lower the rate");
}

}  // namespace nash
