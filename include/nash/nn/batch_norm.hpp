// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/normalize.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// Of BatchNorm; the defaults are PyTorch's.
struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;      ///< the weight of the newest batch in the running statistics
  Init init = Init::ones();   ///< of the scale; DCGAN draws it from N(1, 0.02)
};

/// Batch normalisation over all axes but the last: x̂ = (x − mean) / √(variance + ε), y = scale·x̂ + shift.
/// Ioffe and Szegedy 2015, algorithm 1.
///
/// In training mode the statistics are the batch's (biased variance); in inference mode the running ones, which move only
/// by commit(), towards the batch's mean and unbiased variance.
template <class T = float, class D = Cpu>
class BatchNorm : public LayerDefaults<T, D> {
 public:
  static constexpr bool couples_samples = true;
  static constexpr bool curved = true;
  static constexpr const char* instead = "LayerNorm or SpectralNorm";
  template <bool penalised>
  struct Penalised {
    static_assert(!penalised, "BatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense: "
                              "use LayerNorm or SpectralNorm in its place, or leave the penalty out");
  };

  struct Saved {
    Tensor<T, D> mean, variance, rstd;  // channels each
    index_t rows = 0;                   // values a channel; 0 where the pass was none of training
  };

  NASH_COLD explicit BatchNorm(index_t channels, const BatchNormOptions& options = {}) : channels_(channels),
                               options_(options) {
    require_at_least(1, channels, "BatchNorm", "a number of channels");
    require_epsilon(options.epsilon, "BatchNorm");
    if (!(options.momentum >= 0 && options.momentum <= 1))
      throw ShapeError("BatchNorm", "a momentum from 0 to 1", concat({options.momentum}), "use 0.1");
    scale_ = Parameter<T, D>(Shape{channels}, options.init);
    shift_ = Parameter<T, D>(Shape{channels}, Init::zeros());
    running_mean_ = Buffer<T, D>(Shape{channels}, Init::zeros());
    running_variance_ = Buffer<T, D>(Shape{channels}, Init::ones());
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x.channels() != channels_)
      throw ShapeError("BatchNorm", concat({"N×…×", channels_, " values"}), x.text(),
                       concat({"build BatchNorm{", x.channels(), "} or change the layer before it"}));
    return x;
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    forward_then(pass, x, y, saved, IdentityFunction<T>{});
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T,
                          D>& dy, Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    if (saved.rstd.count() != channels_)
      throw Error("BatchNorm", "backward was called with saved state that no forward pass of this layer has filled", "run forward with this saved state first");
    if (pass.mode == Mode::train) return training_backward(pass, x, saved, StoredValues<T>{dy.data()}, dx, grads);
    if (grads != nullptr) {
      const auto sums = pass.context.template scratch<T>(2 * channels_);
      accumulate_sums(pass, x, saved, StoredValues<T>{dy.data()}, sums.data(), grads);
    }
    if (dx == nullptr) return;
    dx->resize(x.shape());
    pointwise_in_rows(pass.context, x.shape().rows(), channels_,
                      ScaleChannels<T>{saved.rstd.data(), scale_.data(), dy.data(), dx->data()});
  }

  /// forward, and a function of each value in the same pass over memory: y := f(BatchNorm(x)).
  template <class Function>
  NASH_COLD void forward_then(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved,
                              const Function& f) const {
    const auto memory = pass.context.template scratch<T>(saved == nullptr ? 3 * channels_ : 0);
    const Statistics of = statistics(pass, x, saved, memory.data());
    y.resize(x.shape());
    pointwise_in_rows(pass.context, x.shape().rows(), channels_,
                      Normalize<T, Function>{f, x.data(), of.mean, of.rstd, scale_.data(), shift_.data(), y.data()});
  }

  /// backward of a training pass for a cotangent that `d` gives for each element, read from memory or made up on the way.
  template <class Values>
  NASH_COLD void training_backward(const Pass<D>& pass, const Tensor<T, D>& x, Saved& saved, const Values& d, Tensor<T, D>* dx,
                                   Gradients<T, D>* grads) const {
    if (dx == nullptr && grads == nullptr) return;
    const auto sums = pass.context.template scratch<T>(2 * channels_);
    accumulate_sums(pass, x, saved, d, sums.data(), grads);
    if (dx == nullptr) return;
    dx->resize(x.shape());
    const index_t rows = x.shape().rows();
    pointwise_in_rows(pass.context, rows, channels_,
                      NormalizeJacobian<T, Values>{d, x.data(), saved.mean.data(), saved.rstd.data(), scale_.data(), sums.data(),
                                                   sums.data() + channels_, T{1} / static_cast<T>(rows), dx->data()});
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    backward(pass, x, y, saved, x_tangent, &y_tangent, nullptr);  // the Jacobian is symmetric
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved,
                                  const Tensor<T, D>& x_tangent, const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T,
                                  D>* grads) const {
    const index_t rows = x.shape().rows();
    const T *const mean = saved.mean.data(), *const rstd = saved.rstd.data();
    if (pass.mode == Mode::infer) {
      if (grads == nullptr) return;
      const auto sums = pass.context.template scratch<T>(channels_);
      sum_columns(pass.context, rows, channels_, ColumnProduct<T>{delta.data(), x_tangent.data()}, sums.data());
      return pointwise(pass.context, channels_, SecondOrderScaleConstant<T>{rstd, sums.data(), grads->of(scale_)});
    }
    const auto sums = pass.context.template scratch<T>(5 * channels_);
    sum_columns(pass.context, rows, channels_, SecondOrderSums<T>{x.data(), mean, rstd, delta.data(), x_tangent.data()}, sums.data());
    const T inverse_rows = T{1} / static_cast<T>(rows);
    if (grads != nullptr)
      pointwise(pass.context, channels_, SecondOrderScale<T>{rstd, sums.data(), channels_, inverse_rows, grads->of(scale_)});
    if (x_bar != nullptr)
      pointwise_in_rows(pass.context, rows, channels_,
                        SecondOrderInput<T>{x.data(), mean, rstd, scale_.data(), delta.data(), x_tangent.data(), sums.data(),
                                            channels_, inverse_rows, x_bar->data()});
  }

  /// Moves the running statistics towards those of a training pass.
  NASH_COLD void commit(Context<D>& context, const Saved& saved) {
    if (saved.rows < 2) return;
    const T momentum = static_cast<T>(options_.momentum), rows = static_cast<T>(saved.rows);
    pointwise(context, channels_,
              MoveRunning<T>{saved.mean.data(), saved.variance.data(), momentum, rows / (rows - 1), running_mean_.value().data(),
                             running_variance_.value().data()});
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.scale_);
    visit("bias", self.shift_);
    visit("running_mean", self.running_mean_);
    visit("running_var", self.running_variance_);
  }

  template <class U, class E>
  BatchNorm<U, E> to() const {
    BatchNorm<U, E> other(channels_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("BatchNorm").set("channels", channels_).set("epsilon", options_.epsilon)
        .set("momentum", options_.momentum).set(options_.init);
  }
  static BatchNorm from(const LayerDescription& d) {
    d.allow({"channels", "epsilon", "momentum", "init"});
    return BatchNorm(d.size("channels"),
                     {.epsilon = d.number("epsilon", 1e-5), .momentum = d.number("momentum", 0.1), .init = d.init(Init::ones())});
  }

 private:
  struct Statistics {
    T *mean, *variance, *rstd;
  };

  /// The statistics that the pass uses, in `saved` or else in memory for 3·channels values: the batch's, or copies of the
  /// running ones (whose variance is not needed). Checks x.
  NASH_COLD Statistics statistics(const Pass<D>& pass, const Tensor<T, D>& x, Saved* saved, T* memory) const {
    const index_t rows = output_shape(x.shape()).rows();
    Statistics of{};
    if (saved == nullptr) {
      of = {memory, memory + channels_, memory + 2 * channels_};
    } else {
      for (Tensor<T, D>* tensor : {&saved->mean, &saved->variance, &saved->rstd}) tensor->resize(Shape{channels_});
      saved->rows = pass.mode == Mode::train ? rows : 0;
      of = {saved->mean.data(), saved->variance.data(), saved->rstd.data()};
    }
    const T epsilon = static_cast<T>(options_.epsilon);
    if (pass.mode == Mode::infer) {
      pointwise(pass.context, channels_, Copy<T>{running_mean_.value().data(), of.mean});
      pointwise(pass.context, channels_, InverseDeviation<T>{running_variance_.value().data(), epsilon, of.rstd});
      return of;
    }
    if (rows < 2)
      throw ShapeError("BatchNorm", "at least two values a channel in training", concat({rows, " (input ", x.shape(), ")"}),
                       "use a batch of at least 2, or inference mode");
    const T inverse_rows = T{1} / static_cast<T>(rows);
    sum_columns(pass.context, rows, channels_, ColumnValue<T>{x.data()}, of.mean);
    pointwise(pass.context, channels_, Scale<T>{of.mean, inverse_rows, of.mean});
    sum_columns(pass.context, rows, channels_, CentredSquares<T>{x.data(), of.mean}, of.variance);
    pointwise(pass.context, channels_, VarianceFromSums<T>{inverse_rows, epsilon, of.variance, of.rstd});
    return of;
  }

  /// sums := Σ d, then Σ d·x̂, which are the gradients of shift and scale.
  template <class Values>
  NASH_COLD void accumulate_sums(const Pass<D>& pass, const Tensor<T, D>& x, Saved& saved, const Values& d, T* sums,
                                 Gradients<T, D>* grads) const {
    sum_columns(pass.context, x.shape().rows(), channels_,
                NormalizedSums<T, Values>{d, x.data(), saved.mean.data(), saved.rstd.data()}, sums);
    if (grads == nullptr) return;
    const GradientPlace<T> shift = grads->into(shift_), scale = grads->into(scale_);
    pointwise(pass.context, channels_, AccumulateShiftAndScale<T>{sums, channels_, shift.values, scale.values, shift.adds, scale.adds});
  }

  index_t channels_;
  BatchNormOptions options_;
  Parameter<T, D> scale_, shift_;
  Buffer<T, D> running_mean_, running_variance_;
};

}  // namespace nash
