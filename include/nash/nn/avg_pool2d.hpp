// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/linear_map.hpp"

namespace nash {

/// N×H×W×C images and their P×Q windows of kernel² pixels, stride apart.
template <class T>
struct PoolingWindows {
  index_t height, width, channels;  // of x
  index_t rows, columns;            // of y
  index_t kernel, stride;
  const T* from;
  T* to;
};

/// y[n,p,q,c] := mean of its window
template <class T>
struct AveragePool {
  PoolingWindows<T> of;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t c = i % of.channels, q = i / of.channels % of.columns, p = i / (of.channels * of.columns) % of.rows;
    const index_t n = i / (of.channels * of.columns * of.rows);
    T total{0};
    for (index_t r = 0; r < of.kernel; ++r)
      for (index_t s = 0; s < of.kernel; ++s)
        total += of.from[((n * of.height + p * of.stride + r) * of.width + q * of.stride + s) * of.channels + c];
    of.to[i] = total / static_cast<T>(of.kernel * of.kernel);
  }
};

/// dx[n,h,w,c] := the sum of dy over the windows that hold the pixel, divided by kernel²
template <class T>
struct AveragePoolAdjoint {
  PoolingWindows<T> of;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t c = i % of.channels, w = i / of.channels % of.width, h = i / (of.channels * of.width) % of.height;
    const index_t n = i / (of.channels * of.width * of.height);
    const index_t last_p = h / of.stride < of.rows ? h / of.stride : of.rows - 1, last_q = w / of.stride < of.columns ? w / of.stride : of.columns - 1;
    T total{0};
    for (index_t p = last_p; p >= 0 && p * of.stride + of.kernel > h; --p)
      for (index_t q = last_q; q >= 0 && q * of.stride + of.kernel > w; --q) total += of.from[((n * of.rows + p) * of.columns + q) * of.channels + c];
    of.to[i] = total / static_cast<T>(of.kernel * of.kernel);
  }
};

struct AvgPool2dOptions {
  index_t kernel = 2;
  index_t stride = 0;  ///< 0: the kernel's size, windows side by side
};

/// The mean of each window of kernel×kernel pixels: N×H×W×C → N×P×Q×C, P = ⌊(H − kernel)/stride⌋ + 1. Pixels beyond the last whole
/// window are not read.
template <class T = float, class D = Cpu>
class AvgPool2d : public LinearMap<AvgPool2d<T, D>, T, D> {
 public:
  NASH_COLD explicit AvgPool2d(const AvgPool2dOptions& options = {}) : options_(options) {
    require_at_least(1, options.kernel, "AvgPool2d", "a kernel");
    require_at_least(0, options.stride, "AvgPool2d", "a stride");
    if (options.stride == 0) options_.stride = options.kernel;
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 4 || x[1] < options_.kernel || x[2] < options_.kernel)
      throw ShapeError("AvgPool2d", concat({"N×H×W×C images of at least ", options_.kernel, " pixels a side"}), x.text(),
                       "use a smaller kernel or change the layer before it");
    return {x[0], (x[1] - options_.kernel) / options_.stride + 1, (x[2] - options_.kernel) / options_.stride + 1, x[3]};
  }

  void apply(Context<D>& context, const Tensor<T, D>& x, Tensor<T, D>& y) const {
    pointwise(context, y.count(), AveragePool<T>{windows(x.shape(), y.shape(), x, y)});
  }
  void apply_transposed(Context<D>& context, const Tensor<T, D>& dy, Tensor<T, D>& dx) const {
    pointwise(context, dx.count(), AveragePoolAdjoint<T>{windows(dx.shape(), dy.shape(), dy, dx)});
  }

  template <class U, class E>
  AvgPool2d<U, E> to() const {
    return AvgPool2d<U, E>(options_);
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("AvgPool2d").set("kernel", options_.kernel).set("stride", options_.stride);
  }
  static AvgPool2d from(const LayerDescription& d) {
    d.allow({"kernel", "stride"});
    return AvgPool2d({.kernel = d.size("kernel", 2), .stride = d.size("stride", 0)});
  }

 private:
  PoolingWindows<T> windows(const Shape& x, const Shape& y, const Tensor<T, D>& from, Tensor<T, D>& to) const {
    return {x[1], x[2], x[3], y[1], y[2], options_.kernel, options_.stride, from.data(), to.data()};
  }

  AvgPool2dOptions options_;
};

}  // namespace nash
