// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/reshape.hpp"

namespace nash {

/// N×H×W×C to N×(H·W·C). Dense and Maxout do not need it before them.
template <class T = float, class D = Cpu>
class Flatten : public ReshapingLayer<Flatten<T, D>, T, D> {
 public:
  Shape output_shape(const Shape& x) const {
    if (x.rank() == 0) throw ShapeError("Flatten", "a batch of samples", x.text(), "give the tensor an axis for the samples");
    return {x[0], x.count_per_sample()};
  }

  template <class U, class E>
  Flatten<U, E> to() const {
    return {};
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("Flatten"); }
  static Flatten from(const LayerDescription& d) {
    d.allow({});
    return {};
  }
};

}  // namespace nash
