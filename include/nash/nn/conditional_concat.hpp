// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// y := x, and behind its channels at every pixel the row of a table that belongs to the sample's class; without a table its one-hot
/// code. With null labels, zeros.
template <class T>
struct AppendClass {
  const T* x;
  const T* table;
  const std::int32_t* labels;
  index_t pixels, inputs, outputs;  // channels of x and of y
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t channel) const {
    const index_t row = i / outputs;
    if (channel < inputs) {
      y[i] = x[row * inputs + channel];
    } else if (labels == nullptr) {
      y[i] = T{0};
    } else {
      const index_t label = labels[row / pixels], column = channel - inputs;
      y[i] = table != nullptr ? table[label * (outputs - inputs) + column] : column == label ? T{1} : T{0};
    }
  }
};

/// x := y without the channels that were put behind x's
template <class T>
struct DropClass {
  const T* y;
  index_t inputs, outputs;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i, index_t channel) const { x[i] = y[i / inputs * outputs + channel]; }
};

struct ConditionalConcatOptions {
  index_t embedding = 0;          ///< channels of a learned vector for each class; 0: the class's one-hot code, fixed
  Init init = Init::normal(1);    ///< of the learned vectors
};

/// Puts the class beside its input: N×…×C → N×…×(C + classes), the one-hot code of each sample's label at every pixel, or a vector that
/// is learned for each class, N×…×(C + embedding). Mirza and Osindero 2014, section 3.2.
///
/// As the first layer it joins the class to latents or images; later, to the activations there.
template <class T = float, class D = Cpu>
class ConditionalConcat : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = false, .output = false};

  NASH_COLD explicit ConditionalConcat(index_t classes, const ConditionalConcatOptions& options = {}) : classes_(classes), options_(options) {
    require_at_least(1, classes, "ConditionalConcat", "a number of classes");
    require_at_least(0, options.embedding, "ConditionalConcat", "an embedding");
    if (options.embedding > 0)
      table_ = Parameter<T, D>(Shape{classes, options.embedding}, options.init, {.in = classes, .out = options.embedding, .rows = classes});
  }

  index_t classes() const { return classes_; }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 2 && x.rank() != 4)
      throw ShapeError("ConditionalConcat", "N×C or N×H×W×C values", x.text(), "put it where the values have channels");
    const index_t channels = x.channels() + appended();
    return x.rank() == 2 ? Shape{x[0], channels} : Shape{x[0], x[1], x[2], channels};
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    const Shape shape = output_shape(x.shape());
    require_labels(pass.labels, classes_, shape[0], "ConditionalConcat");
    append(pass, x, shape, table_.data(), pass.labels.values, y);
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    const index_t inputs = x.shape().channels(), outputs = dy.shape().channels();
    if (dx != nullptr) {
      dx->resize(x.shape());
      pointwise_in_rows(pass.context, x.shape().rows(), inputs, DropClass<T>{dy.data(), inputs, outputs, dx->data()});
    }
    if (grads != nullptr && table_.present())
      pointwise(pass.context, table_.count(),
                AddSumsOfClasses<T, Value<T>>{{dy.data()}, pass.labels.values, dy.shape()[0], pixels(dy.shape()), outputs, inputs, appended(),
                                              grads->of(table_)});
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    append(pass, x_tangent, y.shape(), nullptr, nullptr, y_tangent);
  }
  void tangent_backward(const Pass<D>&, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>&, const Tensor<T, D>&,
                        Tensor<T, D>*, Gradients<T, D>*) const {}

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    if (self.table_.present()) visit("weight", self.table_);
  }

  static auto weights(auto& self) { return std::array{NamedWeight{"weight", &self.table_}}; }

  template <class U, class E>
  ConditionalConcat<U, E> to() const {
    ConditionalConcat<U, E> other(classes_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("ConditionalConcat").set("classes", classes_).set("embedding", options_.embedding).set(options_.init);
  }
  static ConditionalConcat from(const LayerDescription& d) {
    d.allow({"classes", "embedding", "init"});
    return ConditionalConcat(d.size("classes"), {.embedding = d.size("embedding", 0), .init = d.init(ConditionalConcatOptions{}.init)});
  }

 private:
  index_t appended() const { return options_.embedding > 0 ? options_.embedding : classes_; }
  static index_t pixels(const Shape& shape) { return shape.rank() == 2 ? 1 : shape[1] * shape[2]; }

  static void append(const Pass<D>& pass, const Tensor<T, D>& x, const Shape& shape, const T* table, const std::int32_t* labels, Tensor<T, D>& y) {
    y.resize(shape);
    pointwise_in_rows(pass.context, shape.rows(), shape.channels(),
                      AppendClass<T>{x.data(), table, labels, pixels(shape), x.shape().channels(), shape.channels(), y.data()});
  }

  index_t classes_;
  ConditionalConcatOptions options_;
  Parameter<T, D> table_;
};

}  // namespace nash
