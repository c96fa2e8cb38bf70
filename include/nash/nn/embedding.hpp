// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// y[n] := the row of a table that belongs to sample n's class
template <class T>
struct LookUp {
  const T* table;
  const std::int32_t* labels;
  index_t size;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = table[labels[i / size] * size + i % size]; }
};

struct EmbeddingOptions {
  Init init = Init::normal(1);
};

/// A learned vector for each class: y[n] = E[label n], N×… → N×size, E of classes×size. Of its input it reads the number of samples
/// alone: it stands in a branch, as in Residual{Dense{100, 128}, Embedding{10, 128}}, a layer with a bias for each class.
template <class T = float, class D = Cpu>
class Embedding : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = false, .output = false};

  NASH_COLD Embedding(index_t classes, index_t size, const EmbeddingOptions& options = {}) : classes_(classes), size_(size), options_(options) {
    require_at_least(1, classes, "Embedding", "a number of classes");
    require_at_least(1, size, "Embedding", "a size");
    table_ = Parameter<T, D>(Shape{classes, size}, options.init, {.in = classes, .out = size, .rows = classes});
  }

  index_t classes() const { return classes_; }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() == 0) throw ShapeError("Embedding", "N×… values", x.text(), "give it a batch");
    return {x[0], size_};
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    require_labels(pass.labels, classes_, y.shape()[0], "Embedding");
    pointwise(pass.context, y.count(), LookUp<T>{table_.data(), pass.labels.values, size_, y.data()});
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    if (dx != nullptr) clear(pass, x.shape(), *dx);
    if (grads != nullptr)
      pointwise(pass.context, table_.count(),
                AddSumsOfClasses<T, Value<T>>{{dy.data()}, pass.labels.values, dy.shape()[0], 1, size_, 0, size_, grads->of(table_)});
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>&, Tensor<T, D>& y_tangent) const {
    clear(pass, y.shape(), y_tangent);
  }
  void tangent_backward(const Pass<D>&, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>&, const Tensor<T, D>&,
                        Tensor<T, D>*, Gradients<T, D>*) const {}

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.table_);
  }

  static auto weights(auto& self) { return std::array{NamedWeight{"weight", &self.table_}}; }

  template <class U, class E>
  Embedding<U, E> to() const {
    Embedding<U, E> other(classes_, size_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Embedding").set("classes", classes_).set("size", size_).set(options_.init);
  }
  static Embedding from(const LayerDescription& d) {
    d.allow({"classes", "size", "init"});
    return Embedding(d.size("classes"), d.size("size"), {.init = d.init(EmbeddingOptions{}.init)});
  }

 private:
  static void clear(const Pass<D>& pass, const Shape& shape, Tensor<T, D>& to) {
    to.resize(shape);
    pointwise(pass.context, to.count(), Fill<T>{to.data(), T{0}});
  }

  index_t classes_, size_;
  EmbeddingOptions options_;
  Parameter<T, D> table_;
};

}  // namespace nash
