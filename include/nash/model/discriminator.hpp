// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/network.hpp"

namespace nash {

/// The player that tells real samples from generated ones. Its output is N×(1+C): column 0 is the adversarial logit, without
/// a sigmoid (the losses take logits), the others are heads for classes or codes.
template <class Body>
class Discriminator : public Network<Body> {
 public:
  using typename Network<Body>::Scalar;
  using typename Network<Body>::Device;

  NASH_COLD explicit Discriminator(Body body) : Network<Body>(std::move(body), "Discriminator") {}

  /// Throws ShapeError unless the body makes N×(1+C) logits of samples of this shape.
  NASH_COLD void check_samples(const Shape& samples) const {
    const Shape logits = this->output_shape(samples);
    if (logits.rank() != 2 || logits[1] < 1)
      throw ShapeError("Discriminator", "a body that gives N×(1+C) logits", concat({logits, " for samples of ", samples}), "end it with Dense{…, 1}");
  }

  /// The logits of samples, with their labels where the discriminator depends on them, in inference mode.
  void discriminate(Context<Device>& context, const Tensor<Scalar, Device>& samples, Tensor<Scalar, Device>& logits, const LabelView& labels = {}) const {
    this->forward(Pass<Device>{.context = context, .mode = Mode::infer, .labels = labels}, samples, logits, nullptr);
  }

  /// The same discriminator for another scalar type or device.
  template <class U, class D = Device>
  auto to() const {
    auto other = nash::Discriminator<decltype(this->body().template to<U, D>())>(this->body().template to<U, D>());
    Context<D> context(1);
    if (this->is_ready()) other.mark_loaded(context);
    return other;
  }
};

}  // namespace nash
