// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/linear_map.hpp"

namespace nash {

/// Element i of N×rH×rW×C is y[n, h·r + a, w·r + b, c]; its place in N×H×W×(C·r²) is that of x[n, h, w, c·r² + a·r + b].
template <class T, bool inverse>
struct ShufflePixels {
  index_t height, width, channels;  // of y
  index_t factor;
  const T* from;
  T* to;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t c = i % channels, column = i / channels % width, row = i / (channels * width);  // row: of all images' rows
    const index_t pixel = row / factor * (width / factor) + column / factor;
    const index_t other = (pixel * channels + c) * factor * factor + row % factor * factor + column % factor;
    if constexpr (inverse)
      to[other] = from[i];
    else
      to[i] = from[other];
  }
};

/// Larger images out of channels: N×H×W×(C·r²) → N×rH×rW×C, y[n, h·r + a, w·r + b, c] = x[n, h, w, c·r² + a·r + b]. After a
/// convolution it is an upsampling without the chequered patterns of strides. Shi et al. 2016, equation 4.
template <class T = float, class D = Cpu>
class PixelShuffle : public LinearMap<PixelShuffle<T, D>, T, D> {
 public:
  NASH_COLD explicit PixelShuffle(index_t factor = 2) : factor_(factor) { require_at_least(1, factor, "PixelShuffle", "a factor"); }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 4 || x[3] % (factor_ * factor_) != 0)
      throw ShapeError("PixelShuffle", concat({"N×H×W×C images, C a multiple of ", factor_ * factor_}), x.text(), "change the layer before it");
    return {x[0], x[1] * factor_, x[2] * factor_, x[3] / (factor_ * factor_)};
  }

  void apply(Context<D>& context, const Tensor<T, D>& x, Tensor<T, D>& y) const { shuffle<false>(context, y.shape(), x, y); }
  void apply_transposed(Context<D>& context, const Tensor<T, D>& dy, Tensor<T, D>& dx) const { shuffle<true>(context, dy.shape(), dy, dx); }

  template <class U, class E>
  PixelShuffle<U, E> to() const {
    return PixelShuffle<U, E>(factor_);
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("PixelShuffle").set("factor", factor_); }
  static PixelShuffle from(const LayerDescription& d) {
    d.allow({"factor"});
    return PixelShuffle(d.size("factor", 2));
  }

 private:
  template <bool inverse>
  void shuffle(Context<D>& context, const Shape& y, const Tensor<T, D>& from, Tensor<T, D>& to) const {
    pointwise(context, y.count(), ShufflePixels<T, inverse>{y[1], y[2], y[3], factor_, from.data(), to.data()});
  }

  index_t factor_;
};

}  // namespace nash
