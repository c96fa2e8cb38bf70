// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/description.hpp"

namespace nash {

/// Of Conv2d, in both directions alike: pixels, but for the last two.
struct Conv2dOptions {
  index_t kernel = 3;   ///< filter height and width
  index_t stride = 1;
  index_t padding = 0;  ///< zeros on each side of the image
  bool bias = true;
  Init init = Init::glorot();
};

/// A two-dimensional convolution, N×H×W×in → N×P×Q×out with P = ⌊(H + 2·padding − kernel) / stride⌋ + 1:
///
///     y[n,p,q,o] = b[o] + Σ_{r,s,c} x[n, p·stride + r − padding, q·stride + s − padding, c] · W[o,r,s,c]
template <class T = float, class Device = Cpu>
class Conv2d : public AffineLayer<Conv2d<T, Device>, T, Device> {
  using Base = AffineLayer<Conv2d<T, Device>, T, Device>;

 public:
  static constexpr bool takes_epilogue = true;

  NASH_COLD Conv2d(index_t in, index_t out, const Conv2dOptions& options = {})
      : Base{weight_shape(in, out, options), options.init,
             {.in = in * options.kernel * options.kernel, .out = out * options.kernel * options.kernel, .rows = out}, out, options.bias},
        in_(in), out_(out), options_(options) {}

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 4 || x[3] != in_)
      throw ShapeError("Conv2d", concat({"N×H×W×", in_, " images"}), x.text(),
                       x.rank() == 4 ? concat({"build Conv2d{", x[3], ", …} or convert the images to ", in_ == 1 ? "grey" : concat({in_, " channels"})})
                                     : std::string("put a Reshape{H, W, C} before it"));
    const index_t least = std::max<index_t>(1, options_.kernel - 2 * options_.padding);
    if (x[1] < least || x[2] < least)
      throw ShapeError("Conv2d", concat({"images of at least ", least, "×", least, " pixels"}), x.text(),
                       "use a smaller kernel or more padding");
    return geometry(x).output_shape();
  }

  template <class U, class D>
  Conv2d<U, D> to() const {
    Conv2d<U, D> other(in_, out_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Conv2d").set("in", in_).set("out", out_).set("kernel", options_.kernel).set("stride", options_.stride)
        .set("padding", options_.padding).set("bias", options_.bias).set(options_.init);
  }
  static Conv2d from(const LayerDescription& d) {
    d.allow({"in", "out", "kernel", "stride", "padding", "bias", "init"});
    return Conv2d(d.size("in"), d.size("out"),
                  {.kernel = d.size("kernel", 3), .stride = d.size("stride", 1), .padding = d.size("padding", 0),
                   .bias = d.flag("bias", true), .init = d.init(Conv2dOptions{}.init)});
  }

 private:
  friend Base;

  static Shape weight_shape(index_t in, index_t out, const Conv2dOptions& options) {
    require_at_least(1, in, "Conv2d", "a number of input channels");
    require_at_least(1, out, "Conv2d", "a number of output channels");
    require_at_least(1, options.kernel, "Conv2d", "a kernel");
    require_at_least(1, options.stride, "Conv2d", "a stride");
    require_at_least(0, options.padding, "Conv2d", "a padding");
    const Shape shape{out, options.kernel, options.kernel, in};
    (void)shape.count();  // throws before the fans could overflow
    return shape;
  }

  Conv2dGeometry geometry(const Shape& x) const {
    return {.n = x[0], .h = x[1], .w = x[2], .c = in_, .o = out_, .r = options_.kernel, .s = options_.kernel,
            .stride_h = options_.stride, .stride_w = options_.stride, .padding_h = options_.padding, .padding_w = options_.padding};
  }

  template <class... Epilogue>
  void multiply(Context<Device>& context, const Tensor<T, Device>& x, const T* w, const T* bias, Tensor<T, Device>& y,
                const Epilogue&... epilogue) const {
    Conv2dKernels<Device>::forward(context, geometry(x.shape()), x.data(), w, y.data(), bias, epilogue...);
  }

  template <class... Epilogue>
  void multiply_transposed(Context<Device>& context, const Tensor<T, Device>& dy, const T* w, Tensor<T, Device>& dx, const Epilogue&... epilogue) const {
    Conv2dKernels<Device>::backward_data(context, geometry(dx.shape()), dy.data(), w, dx.data(), static_cast<const T*>(nullptr), epilogue...);
  }

  void accumulate_weights(Context<Device>& context, const Tensor<T, Device>& x, const Tensor<T, Device>& dy, GradientPlace<T> dw) const {
    Conv2dKernels<Device>::backward_weights(context, geometry(x.shape()), x.data(), dy.data(), dw.values, dw.adds);
  }

  index_t in_, out_;
  Conv2dOptions options_;
};

}  // namespace nash
