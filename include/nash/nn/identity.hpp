// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/reshape.hpp"

namespace nash {

/// y = x
template <class T = float, class D = Cpu>
class Identity : public ReshapingLayer<Identity<T, D>, T, D> {
 public:
  Shape output_shape(const Shape& x) const { return x; }

  template <class U, class E>
  Identity<U, E> to() const {
    return {};
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("Identity"); }
  static Identity from(const LayerDescription& d) {
    d.allow({});
    return {};
  }
};

}  // namespace nash
