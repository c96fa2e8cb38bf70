// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/description.hpp"

namespace nash {

/// Of ConvTranspose2d, in both directions alike: pixels, but for the last two.
struct ConvTranspose2dOptions {
  index_t kernel = 3;          ///< filter height and width
  index_t stride = 1;
  index_t padding = 0;         ///< what the output is cut by on each side
  index_t output_padding = 0;  ///< rows and columns added below and to the right; less than the stride
  bool bias = true;
  Init init = Init::glorot();
};

/// A transposed convolution, N×H×W×in → N×P×Q×out with P = (H − 1)·stride − 2·padding + kernel + output_padding:
/// the adjoint of the convolution from out to in channels with the same options, plus a bias.
///
/// Its filters W[i,r,s,o] are those of that convolution, in×kernel×kernel×out, so it needs no kernels of its own.
template <class T = float, class Device = Cpu>
class ConvTranspose2d : public AffineLayer<ConvTranspose2d<T, Device>, T, Device> {
  using Base = AffineLayer<ConvTranspose2d<T, Device>, T, Device>;

 public:
  static constexpr bool takes_epilogue = true;

  NASH_COLD ConvTranspose2d(index_t in, index_t out, const ConvTranspose2dOptions& options = {})
      : Base{weight_shape(in, out, options), options.init,
             {.in = in * options.kernel * options.kernel, .out = out * options.kernel * options.kernel,
              .rows = in * options.kernel * options.kernel, .outputs_are_columns = true},
             out, options.bias},
        in_(in), out_(out), options_(options) {}

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 4 || x[3] != in_)
      throw ShapeError("ConvTranspose2d", concat({"N×H×W×", in_, " images"}), x.text(),
                       x.rank() == 4 ? concat({"build ConvTranspose2d{", x[3], ", …}"}) : std::string("put a Reshape{H, W, C} before it"));
    // Half of what an index can be, so that the next layer may add its own padding.
    constexpr index_t most = std::numeric_limits<index_t>::max() / 2;
    if (const index_t last = (most - options_.kernel - options_.output_padding) / options_.stride; x[1] - 1 > last || x[2] - 1 > last)
      throw ShapeError("ConvTranspose2d", concat({"images that become at most ", most, " pixels high and wide"}), x.text(),
                       "use smaller strides or fewer layers");
    const index_t height = output_size(x[1]), width = output_size(x[2]);
    if (x[1] < 1 || x[2] < 1 || height < 1 || width < 1)
      throw ShapeError("ConvTranspose2d", "images that leave at least one pixel", x.text(), "use less padding or a larger kernel");
    return {x[0], height, width, out_};
  }

  template <class U, class D>
  ConvTranspose2d<U, D> to() const {
    ConvTranspose2d<U, D> other(in_, out_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("ConvTranspose2d").set("in", in_).set("out", out_).set("kernel", options_.kernel)
        .set("stride", options_.stride).set("padding", options_.padding).set("output_padding", options_.output_padding)
        .set("bias", options_.bias).set(options_.init);
  }
  static ConvTranspose2d from(const LayerDescription& d) {
    d.allow({"in", "out", "kernel", "stride", "padding", "output_padding", "bias", "init"});
    return ConvTranspose2d(d.size("in"), d.size("out"),
                           {.kernel = d.size("kernel", 3), .stride = d.size("stride", 1), .padding = d.size("padding", 0),
                            .output_padding = d.size("output_padding", 0), .bias = d.flag("bias", true),
                            .init = d.init(ConvTranspose2dOptions{}.init)});
  }

 private:
  friend Base;

  static Shape weight_shape(index_t in, index_t out, const ConvTranspose2dOptions& options) {
    require_at_least(1, in, "ConvTranspose2d", "a number of input channels");
    require_at_least(1, out, "ConvTranspose2d", "a number of output channels");
    require_at_least(1, options.kernel, "ConvTranspose2d", "a kernel");
    require_at_least(1, options.stride, "ConvTranspose2d", "a stride");
    require_at_least(0, options.padding, "ConvTranspose2d", "a padding");
    require_at_least(0, options.output_padding, "ConvTranspose2d", "an output padding");
    if (options.output_padding >= options.stride)
      throw ShapeError("ConvTranspose2d", concat({"an output padding below the stride of ", options.stride}),
                       concat({options.output_padding}), "choose a smaller output padding");
    const Shape shape{in, options.kernel, options.kernel, out};
    (void)shape.count();  // throws before the fans could overflow
    return shape;
  }

  index_t output_size(index_t size) const {
    return (size - 1) * options_.stride - 2 * options_.padding + options_.kernel + options_.output_padding;
  }

  /// Of the convolution that this is the adjoint of: its images are our outputs.
  Conv2dGeometry geometry(const Shape& x) const {
    return {.n = x[0], .h = output_size(x[1]), .w = output_size(x[2]), .c = out_, .o = in_, .r = options_.kernel, .s = options_.kernel,
            .stride_h = options_.stride, .stride_w = options_.stride, .padding_h = options_.padding, .padding_w = options_.padding};
  }

  template <class... Epilogue>
  void multiply(Context<Device>& context, const Tensor<T, Device>& x, const T* w, const T* bias, Tensor<T, Device>& y,
                const Epilogue&... epilogue) const {
    Conv2dKernels<Device>::backward_data(context, geometry(x.shape()), x.data(), w, y.data(), bias, epilogue...);
  }

  template <class... Epilogue>
  void multiply_transposed(Context<Device>& context, const Tensor<T, Device>& dy, const T* w, Tensor<T, Device>& dx, const Epilogue&... epilogue) const {
    Conv2dKernels<Device>::forward(context, geometry(dx.shape()), dy.data(), w, dx.data(), static_cast<const T*>(nullptr), epilogue...);
  }

  void accumulate_weights(Context<Device>& context, const Tensor<T, Device>& x, const Tensor<T, Device>& dy, GradientPlace<T> dw) const {
    Conv2dKernels<Device>::backward_weights(context, geometry(x.shape()), dy.data(), x.data(), dw.values, dw.adds);
  }

  index_t in_, out_;
  ConvTranspose2dOptions options_;
};

}  // namespace nash
