// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// y := scale·x + shift, with those of the sample's class; a null shift is none
template <class T>
struct ScaleByClass {
  const T* x;
  const T* scale;
  const T* shift;
  const std::int32_t* labels;
  index_t size, channels;  // of a sample
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t channel) const {
    const index_t of = labels[i / size] * channels + channel;
    y[i] = scale[of] * x[i] + (shift == nullptr ? T{0} : shift[of]);
  }
};

struct ConditionalAffineOptions {
  Init init = Init::ones();  ///< of the scales
};

/// y = scale[label]·x + shift[label], a scale and a shift of every channel for each class: what conditional normalisation ends with, and
/// feature-wise modulation by a class wherever else it stands. Dumoulin et al. 2017, equation 5.
template <class T = float, class D = Cpu>
class ConditionalAffine : public LayerDefaults<T, D> {
 public:
  static constexpr bool runs_in_place = true;

  NASH_COLD ConditionalAffine(index_t classes, index_t channels, const ConditionalAffineOptions& options = {})
      : classes_(classes), channels_(channels), options_(options) {
    require_at_least(1, classes, "ConditionalAffine", "a number of classes");
    require_at_least(1, channels, "ConditionalAffine", "a number of channels");
    scale_ = Parameter<T, D>(Shape{classes, channels}, options.init);
    shift_ = Parameter<T, D>(Shape{classes, channels}, Init::zeros());
  }

  index_t classes() const { return classes_; }
  index_t channels() const { return channels_; }
  const ConditionalAffineOptions& options() const { return options_; }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x.channels() != channels_)
      throw ShapeError("ConditionalAffine", concat({"N×…×", channels_, " values"}), x.text(),
                       concat({"build ConditionalAffine{", classes_, ", ", x.channels(), "} or change the layer before it"}));
    return x;
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    const Shape shape = output_shape(x.shape());
    require_labels(pass.labels, classes_, shape[0], "ConditionalAffine");
    scale(pass, x, shift_.data(), y);
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    if (grads != nullptr) {
      add_sums(pass, x.shape(), Value<T>{dy.data()}, grads->of(shift_));
      add_sums(pass, x.shape(), Product<T>{dy.data(), x.data()}, grads->of(scale_));
    }
    if (dx != nullptr) scale(pass, dy, nullptr, *dx);
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    scale(pass, x_tangent, nullptr, y_tangent);
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>*, Gradients<T, D>* grads) const {
    if (grads != nullptr) add_sums(pass, delta.shape(), Product<T>{delta.data(), x_tangent.data()}, grads->of(scale_));
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.scale_);
    visit("bias", self.shift_);
  }

  template <class U, class E>
  ConditionalAffine<U, E> to() const {
    ConditionalAffine<U, E> other(classes_, channels_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("ConditionalAffine").set("classes", classes_).set("channels", channels_).set(options_.init);
  }
  static ConditionalAffine from(const LayerDescription& d) {
    d.allow({"classes", "channels", "init"});
    return ConditionalAffine(d.size("classes"), d.size("channels"), {.init = d.init(ConditionalAffineOptions{}.init)});
  }

 private:
  void scale(const Pass<D>& pass, const Tensor<T, D>& x, const T* shift, Tensor<T, D>& y) const {
    y.resize(x.shape());
    pointwise_in_rows(pass.context, x.shape().rows(), channels_,
                      ScaleByClass<T>{x.data(), scale_.data(), shift, pass.labels.values, x.shape().count_per_sample(), channels_, y.data()});
  }

  template <class Values>
  void add_sums(const Pass<D>& pass, const Shape& shape, const Values& values, T* to) const {
    pointwise(pass.context, scale_.count(),
              AddSumsOfClasses<T, Values>{values, pass.labels.values, shape[0], shape.count_per_sample() / channels_, channels_, 0, channels_, to});
  }

  index_t classes_, channels_;
  ConditionalAffineOptions options_;
  Parameter<T, D> scale_, shift_;
};

}  // namespace nash
