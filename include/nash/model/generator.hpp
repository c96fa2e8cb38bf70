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

  /// How many classes its latents and layers know, 0 where neither depends on labels.
  index_t classes() const { return fewer_classes(latent_.classes(), Network<Body>::classes()); }

  /// Samples for given latents, and labels where the generator depends on them, in inference mode: each depends on its own latent and
  /// label alone, but for layers that draw something in inference too (DropoutOptions::in_inference), which they do from `random`.
  void generate(Context<Device>& context, const Tensor<Scalar, Device>& latents, Tensor<Scalar, Device>& samples, const LabelView& labels = {},
                RandomStream random = {}) const {
    this->forward(Pass<Device>{.context = context, .mode = Mode::infer, .random = random, .labels = labels}, latents, samples, nullptr);
  }

  /// `count` fresh samples, in inference mode.
  NASH_COLD Tensor<Scalar, Device> generate(Context<Device>& context, RandomStream random, index_t count) const {
    return generate_fresh(context, random, count, {});
  }
  /// A fresh sample of each of these classes, in inference mode.
  NASH_COLD Tensor<Scalar, Device> generate(Context<Device>& context, RandomStream random, const Labels<Device>& labels) const {
    return generate_fresh(context, random, labels.view().count, labels.view());
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
  NASH_COLD Tensor<Scalar, Device> generate_fresh(Context<Device>& context, RandomStream random, index_t count, const LabelView& labels) const {
    Tensor<Scalar, Device> latents, samples;
    latent_.draw(context, random, count, latents, labels);
    generate(context, latents, samples, labels, random.child(1));
    return samples;
  }

  Latent latent_;
};

}  // namespace nash
