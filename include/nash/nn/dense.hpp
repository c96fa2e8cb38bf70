// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/description.hpp"

namespace nash {

/// Of Dense.
struct DenseOptions {
  bool bias = true;
  Init init = Init::glorot();
};

/// A fully connected layer: y = x·Wᵀ + b, N×in → N×out, W of out×in.
///
/// Images are taken as they lie: N×H×W×C with H·W·C = in needs no Flatten before it.
template <class T = float, class Device = Cpu>
class Dense : public AffineLayer<Dense<T, Device>, T, Device> {
  using Base = AffineLayer<Dense<T, Device>, T, Device>;

 public:
  static constexpr bool takes_epilogue = true;

  NASH_COLD Dense(index_t inputs, index_t outputs, const DenseOptions& options = {})
      : Base(weight_shape(inputs, outputs), options.init, {.in = inputs, .out = outputs, .rows = outputs}, outputs, options.bias),
        inputs_(inputs), outputs_(outputs), options_(options) {}

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() == 0 || x.count_per_sample() != inputs_)
      throw ShapeError("Dense", concat({"N×", inputs_, " inputs"}), x.text(),
                       concat({"build Dense{", x.rank() == 0 ? 1 : x.count_per_sample(), ", ", outputs_, "} or change the layer before it"}));
    return {x[0], outputs_};
  }

  template <class U, class D>
  Dense<U, D> to() const {
    Dense<U, D> other(inputs_, outputs_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Dense").set("in", inputs_).set("out", outputs_).set("bias", options_.bias).set(options_.init);
  }
  static Dense from(const LayerDescription& d) {
    d.allow({"in", "out", "bias", "init"});
    return Dense(d.size("in"), d.size("out"), {.bias = d.flag("bias", true), .init = d.init(DenseOptions{}.init)});
  }

 private:
  friend Base;

  static Shape weight_shape(index_t inputs, index_t outputs) {
    require_at_least(1, inputs, "Dense", "a number of inputs");
    require_at_least(1, outputs, "Dense", "a number of outputs");
    return {outputs, inputs};
  }

  template <class... Epilogue>
  void multiply(Context<Device>& context, const Tensor<T, Device>& x, const T* w, const T* bias, Tensor<T, Device>& y,
                const Epilogue&... epilogue) const {
    const GemmGeometry geometry{.m = x.shape()[0], .n = outputs_, .k = inputs_, .transpose_b = true};
    GemmKernels<Device>::multiply(context, geometry, x.data(), w, y.data(), bias, epilogue...);
  }

  template <class... Epilogue>
  void multiply_transposed(Context<Device>& context, const Tensor<T, Device>& dy, const T* w, Tensor<T, Device>& dx, const Epilogue&... epilogue) const {
    const GemmGeometry geometry{.m = dy.shape()[0], .n = inputs_, .k = outputs_};
    GemmKernels<Device>::multiply(context, geometry, dy.data(), w, dx.data(), static_cast<const T*>(nullptr), epilogue...);
  }

  void accumulate_weights(Context<Device>& context, const Tensor<T, Device>& x, const Tensor<T, Device>& dy, GradientPlace<T> dw) const {
    const GemmGeometry geometry{.m = outputs_, .n = inputs_, .k = dy.shape()[0], .transpose_a = true, .accumulate = dw.adds};
    GemmKernels<Device>::multiply(context, geometry, dy.data(), x.data(), dw.values);
  }

  index_t inputs_, outputs_;
  DenseOptions options_;
};

}  // namespace nash
