// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/loss.hpp"
#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"

namespace nash {

/// The gradient g = ∇_z Σₙ D(G(zₙ)) of the adversarial logits by the latents, and what it is made of, for the second order.
template <class G, class D>
class LatentGradient {
  using T = typename G::Scalar;
  using Device = typename G::Device;
  using Values = Tensor<T, Device>;

 public:
  /// g, of the latents' shape. The networks draw their dropout from the pass's children 0 and 1.
  const Values& of(const Pass<Device>& pass, const G& generator, const D& discriminator, const Values& z) {
    generator.forward(pass.child(0), z, samples_, &generator_tape_);
    discriminator.forward(pass.child(1), samples_, logits_, &discriminator_tape_);
    ones_.resize(logits_.shape());
    pointwise(pass.context, ones_.count(), FirstColumn<T>{ones_.shape().channels(), ones_.data()});
    discriminator.backward(pass.child(1), samples_, logits_, discriminator_tape_, ones_, &d_samples_, nullptr);
    generator.backward(pass.child(0), z, samples_, generator_tape_, d_samples_, &g_, nullptr);
    return g_;
  }

  /// g as it was found last.
  const Values& values() const { return g_; }

  /// gradients += ∂_θ⟨g, v⟩ by the parameters of one of the two, after of() with the same arguments and with pass.second_order: the
  /// derivative along v of Σ D(G(z)), differentiated. See docs/math/second_order.md.
  void add_derivative(const Pass<Device>& pass, const G& generator, const D& discriminator, const Values& z, const Values& v, bool by_generator,
                      Gradients<T, Device>& gradients) {
    generator.body().tangent(pass.child(0), z, samples_, generator_tape_, v, samples_tangent_);
    discriminator.body().tangent(pass.child(1), samples_, logits_, discriminator_tape_, samples_tangent_, logits_tangent_);
    if (!by_generator)
      return discriminator.body().tangent_backward(pass.child(1), samples_, logits_, discriminator_tape_, samples_tangent_, ones_, nullptr, &gradients);
    samples_bar_.resize(samples_.shape());
    pointwise(pass.context, samples_bar_.count(), Fill<T>{samples_bar_.data(), T{0}});
    discriminator.body().tangent_backward(pass.child(1), samples_, logits_, discriminator_tape_, samples_tangent_, ones_, &samples_bar_, nullptr);
    generator.body().tangent_backward(pass.child(0), z, samples_, generator_tape_, v, d_samples_, nullptr, &gradients);
    generator.backward(pass.child(0).first_order(), z, samples_, generator_tape_, samples_bar_, nullptr, &gradients);
  }

 private:
  Values samples_, logits_, ones_, d_samples_, g_;
  Values samples_tangent_, logits_tangent_, samples_bar_;
  typename G::Saved generator_tape_;
  typename D::Saved discriminator_tape_;
};

}  // namespace nash
