// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/conditional_affine.hpp"

namespace nash {

/// Batch normalisation with a scale and a shift for each class: y = scale[label]·x̂ + shift[label], x̂ = (x − mean) / √(variance + ε), the
/// statistics being those of all classes together. De Vries et al. 2017, section 3.1; Dumoulin et al. 2017, equation 5.
///
/// Options are those of BatchNorm; init is that of the scales. With one scale and shift for all classes it is BatchNorm.
template <class T = float, class D = Cpu>
class ConditionalBatchNorm : public LayerDefaults<T, D> {
 public:
  static constexpr bool couples_samples = true;
  static constexpr bool curved = true;
  static constexpr const char* instead = "LayerNorm and ConditionalAffine";
  template <bool penalised>
  struct Penalised {
    static_assert(!penalised, "ConditionalBatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense: "
                              "use LayerNorm and ConditionalAffine in its place, or leave the penalty out");
  };

  struct Saved {
    typename BatchNorm<T, D>::Saved norm;
    Tensor<T, D> normalized;  // x̂
    NoSaved affine;
  };

  NASH_COLD ConditionalBatchNorm(index_t classes, index_t channels, const BatchNormOptions& options = {})
      : norm_(channels, {.epsilon = options.epsilon, .momentum = options.momentum}), affine_(classes, channels, {.init = options.init}),
        options_(options) {
    Context<D> context(1);
    initialise(context, norm_, RandomStream{});  // a scale of 1 and no shift, for good
  }

  index_t classes() const { return affine_.classes(); }

  Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x.channels() != affine_.channels())
      throw ShapeError("ConditionalBatchNorm", concat({"N×…×", affine_.channels(), " values"}), x.text(),
                       concat({"build ConditionalBatchNorm{", classes(), ", ", x.channels(), "} or change the layer before it"}));
    return x;
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    require_labels(pass.labels, classes(), output_shape(x.shape())[0], "ConditionalBatchNorm");
    Tensor<T, D>& normalized = saved == nullptr ? y : saved->normalized;
    norm_.forward(pass, x, normalized, saved == nullptr ? nullptr : &saved->norm);
    affine_.forward(pass, normalized, y, nullptr);
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                          Gradients<T, D>* grads) const {
    const auto memory = pass.context.template scratch<T>(dx == nullptr ? 0 : x.count());
    Tensor<T, D> d_normalized = memory.tensor(dx == nullptr ? Shape{0} : x.shape());
    affine_.backward(pass, saved.normalized, y, saved.affine, dy, dx == nullptr ? nullptr : &d_normalized, grads);
    if (dx != nullptr) norm_.backward(pass, x, saved.normalized, saved.norm, d_normalized, dx, nullptr);
  }

  NASH_COLD void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const {
    norm_.tangent(pass, x, saved.normalized, saved.norm, x_tangent, y_tangent);
    affine_.tangent(pass, saved.normalized, y, saved.affine, y_tangent, y_tangent);
  }

  /// ⟨δ, scale·J·ẋ⟩, where J is normalisation's Jacobian, is linear in scale; by x it is normalisation's second order with δ′ = scale·δ.
  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                                  const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    const auto memory = pass.context.template scratch<T>(x.count());
    Tensor<T, D> own = memory.tensor(x.shape());
    if (grads != nullptr) {
      norm_.tangent(pass, x, saved.normalized, saved.norm, x_tangent, own);
      affine_.tangent_backward(pass, saved.normalized, y, saved.affine, own, delta, nullptr, grads);
    }
    if (x_bar == nullptr) return;
    affine_.backward(pass, saved.normalized, y, saved.affine, delta, &own, nullptr);
    norm_.tangent_backward(pass, x, saved.normalized, saved.norm, x_tangent, own, x_bar, nullptr);
  }

  void commit(Context<D>& context, const Saved& saved) { norm_.commit(context, saved.norm); }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    ConditionalAffine<T, D>::visit_state(self.affine_, visit);
    for_each_buffer(self.norm_, visit);
  }

  template <class U, class E>
  ConditionalBatchNorm<U, E> to() const {
    ConditionalBatchNorm<U, E> other(classes(), affine_.channels(), options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("ConditionalBatchNorm").set("classes", classes()).set("channels", affine_.channels()).set("epsilon", options_.epsilon)
        .set("momentum", options_.momentum).set(options_.init);
  }
  static ConditionalBatchNorm from(const LayerDescription& d) {
    d.allow({"classes", "channels", "epsilon", "momentum", "init"});
    return ConditionalBatchNorm(d.size("classes"), d.size("channels"),
                                {.epsilon = d.number("epsilon", 1e-5), .momentum = d.number("momentum", 0.1), .init = d.init(Init::ones())});
  }

 private:
  BatchNorm<T, D> norm_;  // its own scale and shift are not among the parameters
  ConditionalAffine<T, D> affine_;
  BatchNormOptions options_;
};

}  // namespace nash
