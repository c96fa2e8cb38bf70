// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/row_sums.hpp"
#include "nash/nn/separate_samples.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// Σ of the rule's value over the samples
template <class Rule>
struct PenaltySum {
  Rule rule;
  const double* squares;
  NASH_HOST_DEVICE double operator()(index_t sample) const { return rule(squares[sample]).value; }
};

/// v := factor·slope(‖g_n‖²)·g, for every sample n
template <class T, class Rule>
struct PenaltyDirection {
  Rule rule;
  const double* squares;
  index_t size;  // of a sample
  double factor;
  const T* g;
  T* v;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    v[i] = static_cast<T>(factor * rule(squares[i / size]).slope * static_cast<double>(g[i]));
  }
};

/// Refuses discriminators that a penalty on each sample's own gradient makes no sense with, or that cannot be differentiated twice.
template <class D>
void require_separate_samples(const D& discriminator, std::string_view penalty) {
  require_separate_samples(discriminator.body(), penalty, "a discriminator", "the penalty");
}

/// The gradient g_n = ∇ₓD(xₙ) of each sample's adversarial logit, and penalties on its norm: P = factor·Σₙ p(‖g_n‖²).
///
/// Their gradient by the parameters is exact: one run of forward, backward to x, tangent along v = ∂P/∂g and tangent_backward, which
/// costs four forward passes where D is piecewise linear. See docs/math/second_order.md.
///
/// A rule is the functor of p: rule(‖g‖²) → {p, 2·p′}, so that v_n = factor·slope·g_n.
template <class D>
class InputGradient {
  using T = typename D::Scalar;
  using Device = typename D::Device;
  using Images = Tensor<T, Device>;

 public:
  /// Adds the penalty's gradient by D's parameters, and returns P.
  template <class Rule>
  double penalise(const Update<Device>& update, const D& discriminator, const Images& x, double factor, const Rule& rule,
                  Gradients<T, Device>& gradients) {
    Context<Device>& context = update.context;
    const Pass<Device> pass{.context = context, .mode = Mode::train, .random = update.random.child(0), .second_order = true,
                            .labels = update.labels};
    const index_t samples = x.shape()[0], size = x.shape().count_per_sample();
    discriminator.forward(pass, x, logits_, &tape_);
    ones_.resize(logits_.shape());
    pointwise(context, ones_.count(), FirstColumn<T>{ones_.shape().channels(), ones_.data()});
    discriminator.backward(pass, x, logits_, tape_, ones_, &g_, nullptr);

    const auto squares = context.template scratch<double>(samples);
    sum_rows(context, samples, size, Square<T>{g_.data()}, squares.data());
    const double value = factor * sum(context, samples, PenaltySum<Rule>{rule, squares.data()});
    pointwise(context, x.count(), PenaltyDirection<T, Rule>{rule, squares.data(), size, factor, g_.data(), g_.data()});

    discriminator.body().tangent(pass, x, logits_, tape_, g_, logits_tangent_);
    discriminator.body().tangent_backward(pass, x, logits_, tape_, g_, ones_, nullptr, &gradients);
    return value;
  }

 private:
  typename D::Saved tape_;
  Images logits_, ones_, g_, logits_tangent_;
};

}  // namespace nash
