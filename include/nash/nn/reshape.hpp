// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/linear_map.hpp"

namespace nash {

/// What all layers share that only give the same values another shape; a derived layer supplies output_shape(shape).
template <class Derived, class T, class D>
class ReshapingLayer : public LinearMap<Derived, T, D> {
 public:
  static void apply(Context<D>& context, const Tensor<T, D>& x, Tensor<T, D>& y) {
    pointwise(context, x.count(), Copy<T>{x.data(), y.data()});
  }
  static void apply_transposed(Context<D>& context, const Tensor<T, D>& dy, Tensor<T, D>& dx) { apply(context, dy, dx); }
};

/// The same values under another shape per sample: Reshape{7, 7, 256} makes N×12544 into N×7×7×256.
template <class T = float, class D = Cpu>
class Reshape : public ReshapingLayer<Reshape<T, D>, T, D> {
 public:
  NASH_COLD Reshape(index_t height, index_t width, index_t channels) : height_(height), width_(width), channels_(channels) {
    require_at_least(1, height, "Reshape", "a height");
    require_at_least(1, width, "Reshape", "a width");
    require_at_least(1, channels, "Reshape", "a number of channels");
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    const Shape y{x.rank() == 0 ? 1 : x[0], height_, width_, channels_};
    if (x.rank() == 0 || x.count_per_sample() != y.count_per_sample())
      throw ShapeError("Reshape", concat({y.count_per_sample(), " values a sample, for N×", height_, "×", width_, "×", channels_}), x.text(),
                       "make the sizes agree with the layer before it");
    return y;
  }

  template <class U, class E>
  Reshape<U, E> to() const {
    return {height_, width_, channels_};
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Reshape").set("height", height_).set("width", width_).set("channels", channels_);
  }
  static Reshape from(const LayerDescription& d) {
    d.allow({"height", "width", "channels"});
    return {d.size("height"), d.size("width"), d.size("channels")};
  }

 private:
  index_t height_, width_, channels_;
};

}  // namespace nash
