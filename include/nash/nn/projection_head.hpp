// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/row_sums.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// What the functors of ProjectionHead read: u = weight + embedding[label], the direction that a sample's features are projected on.
template <class T>
struct ClassDirection {
  const T* weight;
  const T* embedding;
  const std::int32_t* labels;
  index_t features;
  NASH_HOST_DEVICE double operator()(index_t i) const {
    const index_t column = i % features;
    return static_cast<double>(weight[column]) + static_cast<double>(embedding[labels[i / features] * features + column]);
  }
};

/// Σ u·x
template <class T>
struct ProjectOnClass {
  ClassDirection<T> u;
  const T* x;
  NASH_HOST_DEVICE double operator()(index_t i) const { return u(i) * static_cast<double>(x[i]); }
};

/// y := sum + bias; a null bias is none
template <class T>
struct AddBias {
  const double* sums;
  const T* bias;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = static_cast<T>(sums[i] + (bias == nullptr ? 0.0 : static_cast<double>(bias[0]))); }
};

/// dx := dy·u
template <class T>
struct AlongClass {
  ClassDirection<T> u;
  const T* dy;
  T* dx;
  NASH_HOST_DEVICE void operator()(index_t i) const { dx[i] = static_cast<T>(static_cast<double>(dy[i / u.features]) * u(i)); }
};

/// dy·x of each element, and its sum over the samples
template <class T>
struct OuterProduct {
  static constexpr int sums = 1;
  const T* dy;
  const T* x;
  index_t features;
  NASH_HOST_DEVICE T operator()(index_t i) const { return dy[i / features] * x[i]; }
  NASH_HOST_DEVICE void operator()(index_t i, index_t, T* terms) const { terms[0] = (*this)(i); }
};

struct ProjectionHeadOptions {
  bool bias = true;
  Init init = Init::glorot();
};

/// The last layer of a projection discriminator: a logit y = ⟨w + V[label], φ(x)⟩ + b of the features φ(x), N×features → N×1, which is
/// what a Dense layer says of the sample plus what the class adds. Miyato and Koyama 2018, equation 4 with ψ affine.
///
/// Images are taken as they lie: N×H×W×C with H·W·C = features. It is affine in x. The paper normalises w and V
/// spectrally, each by itself: SpectralNorm{ProjectionHead{…}}, as spectral_normalise does.
template <class T = float, class D = Cpu>
class ProjectionHead : public LayerDefaults<T, D> {
 public:
  NASH_COLD ProjectionHead(index_t features, index_t classes, const ProjectionHeadOptions& options = {})
      : features_(features), classes_(classes), options_(options) {
    require_at_least(1, features, "ProjectionHead", "a number of features");
    require_at_least(1, classes, "ProjectionHead", "a number of classes");
    weight_ = Parameter<T, D>(Shape{1, features}, options.init, {.in = features, .out = 1, .rows = 1});
    if (options.bias) bias_ = Parameter<T, D>(Shape{1}, Init::zeros());
    embedding_ = Parameter<T, D>(Shape{classes, features}, options.init, {.in = features, .out = classes, .rows = classes});
  }

  index_t classes() const { return classes_; }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() == 0 || x.count_per_sample() != features_)
      throw ShapeError("ProjectionHead", concat({"N×", features_, " features"}), x.text(),
                       concat({"build ProjectionHead{", x.rank() == 0 ? 1 : x.count_per_sample(), ", ", classes_, "} or change the layer before it"}));
    return {x[0], 1};
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    require_labels(pass.labels, classes_, y.shape()[0], "ProjectionHead");
    project(pass, x, bias_.data(), y);
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    if (dx != nullptr) {
      dx->resize(x.shape());
      pointwise(pass.context, x.count(), AlongClass<T>{direction(pass), dy.data(), dx->data()});
    }
    if (grads == nullptr) return;
    accumulate_weights(pass, x, dy, *grads);
    if (!bias_.present()) return;
    const auto total = pass.context.template scratch<T>(1);
    sum_columns(pass.context, dy.count(), 1, ColumnValue<T>{dy.data()}, total.data());
    pointwise(pass.context, 1, Accumulate<T>{total.data(), grads->of(bias_)});
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    project(pass, x_tangent, nullptr, y_tangent);
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>*, Gradients<T, D>* grads) const {
    if (grads != nullptr) accumulate_weights(pass, x_tangent, delta, *grads);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.weight_);
    if (self.bias_.present()) visit("bias", self.bias_);
    visit("embedding", self.embedding_);
  }

  static auto weights(auto& self) { return std::array{NamedWeight{"weight", &self.weight_}, NamedWeight{"embedding", &self.embedding_}}; }

  template <class U, class E>
  ProjectionHead<U, E> to() const {
    ProjectionHead<U, E> other(features_, classes_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("ProjectionHead").set("features", features_).set("classes", classes_).set("bias", options_.bias).set(options_.init);
  }
  static ProjectionHead from(const LayerDescription& d) {
    d.allow({"features", "classes", "bias", "init"});
    return ProjectionHead(d.size("features"), d.size("classes"), {.bias = d.flag("bias", true), .init = d.init(ProjectionHeadOptions{}.init)});
  }

 private:
  ClassDirection<T> direction(const Pass<D>& pass) const { return {weight_.data(), embedding_.data(), pass.labels.values, features_}; }

  void project(const Pass<D>& pass, const Tensor<T, D>& x, const T* bias, Tensor<T, D>& y) const {
    const index_t samples = y.count();
    const auto sums = pass.context.template scratch<double>(samples);
    sum_rows(pass.context, samples, features_, ProjectOnClass<T>{direction(pass), x.data()}, sums.data());
    pointwise(pass.context, samples, AddBias<T>{sums.data(), bias, y.data()});
  }

  void accumulate_weights(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& dy, Gradients<T, D>& grads) const {
    const OuterProduct<T> products{dy.data(), x.data(), features_};
    const auto sums = pass.context.template scratch<T>(features_);
    sum_columns(pass.context, dy.count(), features_, products, sums.data());
    pointwise(pass.context, features_, Accumulate<T>{sums.data(), grads.of(weight_)});
    pointwise(pass.context, embedding_.count(),
              AddSumsOfClasses<T, OuterProduct<T>>{products, pass.labels.values, dy.count(), 1, features_, 0, features_, grads.of(embedding_)});
  }

  index_t features_, classes_;
  ProjectionHeadOptions options_;
  Parameter<T, D> weight_, bias_, embedding_;
};

}  // namespace nash
