// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/latent.hpp"
#include "nash/model/network.hpp"

namespace nash {

/// The player that makes samples from latents: Generator{Latent::normal(100), Sequential{Dense{100, 784}, …, Tanh{}}}.
template <class Body>
class Generator : public Network<Body> {
 public:
  using typename Network<Body>::Scalar;
  using typename Network<Body>::Device;

  /// Throws ShapeError where the body does not take the latent.
  NASH_COLD Generator(const Latent& latent, Body body) : Network<Body>(std::move(body), "Generator"), latent_(latent) {
    (void)this->output_shape(Shape{2, latent.size()});
  }

  const Latent& latent() const { return latent_; }

  /// The shape of `samples` samples.
  Shape sample_shape(index_t samples) const { return this->output_shape(Shape{samples, latent_.size()}); }

  /// Samples for given latents, in inference mode: each depends on its own latent alone.
  void generate(Context<Device>& context, const Tensor<Scalar, Device>& latents, Tensor<Scalar, Device>& samples) const {
    this->forward(Pass<Device>{context, Mode::infer}, latents, samples, nullptr);
  }

  /// `count` fresh samples, in inference mode.
  NASH_COLD Tensor<Scalar, Device> generate(Context<Device>& context, RandomStream random, index_t count) const {
    Tensor<Scalar, Device> latents, samples;
    latent_.draw(context, random, count, latents);
    generate(context, latents, samples);
    return samples;
  }

  /// The same generator for another scalar type or device.
  template <class U, class D = Device>
  auto to() const {
    auto other = nash::Generator<decltype(this->body().template to<U, D>())>(latent_, this->body().template to<U, D>());
    Context<D> context(1);
    if (this->is_ready()) other.mark_loaded(context);
    return other;
  }

 private:
  Latent latent_;
};

}  // namespace nash
