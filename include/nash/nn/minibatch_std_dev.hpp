// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"
#include "nash/kernels/row_sums.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// A batch of groups·members samples of `size` values; sample n belongs to group n mod groups. Position i = group·size + p is value
/// p of a group, whose members have
///
///     σ = √( mean (x − μ)² + ε ),   μ = mean x
template <class T>
struct SampleGroups {
  index_t groups, members, size;
  double epsilon;
  const T* x;

  NASH_HOST_DEVICE index_t place(index_t member, index_t i) const { return (member * groups + i / size) * size + i % size; }
  NASH_HOST_DEVICE double value(const T* of, index_t member, index_t i) const { return static_cast<double>(of[place(member, i)]); }
  NASH_HOST_DEVICE double mean(const T* of, index_t i) const {
    double total = 0;
    for (index_t member = 0; member < members; ++member) total += value(of, member, i);
    return total / static_cast<double>(members);
  }
  NASH_HOST_DEVICE double deviation(index_t i) const {
    const double centre = mean(x, i);
    double total = 0;
    for (index_t member = 0; member < members; ++member) total += (value(x, member, i) - centre) * (value(x, member, i) - centre);
    return std::sqrt(total / static_cast<double>(members) + epsilon);
  }
  /// σ̇ = mean (x − μ)·ẋ / σ, the derivative of σ along a tangent
  NASH_HOST_DEVICE double derivative(const T* tangent, index_t i) const {
    const double centre = mean(x, i);
    double total = 0;
    for (index_t member = 0; member < members; ++member) total += (value(x, member, i) - centre) * value(tangent, member, i);
    return total / (static_cast<double>(members) * deviation(i));
  }
};

/// Σ σ, or Σ σ̇ along a tangent
template <class T>
struct GroupDeviations {
  SampleGroups<T> of;
  const T* tangent;  // null: σ itself
  NASH_HOST_DEVICE double operator()(index_t i) const { return tangent == nullptr ? of.deviation(i) : of.derivative(tangent, i); }
};

/// y := x with one more channel: the mean of the group's sums
template <class T>
struct AppendStatistic {
  index_t channels, pixels, groups, size;
  const T* x;
  const double* sums;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t row = i / (channels + 1), c = i % (channels + 1);
    y[i] = c < channels ? x[row * channels + c] : static_cast<T>(sums[row / pixels % groups] / static_cast<double>(size));
  }
};

/// Σ of d's last channel over a group's samples and pixels
template <class T>
struct StatisticCotangent {
  index_t channels, pixels, groups, samples;
  const T* d;
  double* sums;
  NASH_HOST_DEVICE void operator()(index_t group) const {
    double total = 0;
    for (index_t n = group; n < samples; n += groups)
      for (index_t pixel = 0; pixel < pixels; ++pixel) total += static_cast<double>(d[(n * pixels + pixel) * (channels + 1) + channels]);
    sums[group] = total;
  }
};

/// dx := dy's own channels + t·(x − μ) / (members·size·σ), t the cotangent of the group's statistic
template <class T>
struct StdDevBackward {
  SampleGroups<T> of;
  index_t channels;
  const T* dy;
  const double* t;
  T* dx;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const double centre = of.mean(of.x, i), factor = t[i / of.size] / (static_cast<double>(of.members * of.size) * of.deviation(i));
    for (index_t member = 0; member < of.members; ++member) {
      const index_t at = of.place(member, i);
      dx[at] = static_cast<T>(static_cast<double>(dy[at / channels * (channels + 1) + at % channels]) + factor * (of.value(of.x, member, i) - centre));
    }
  }
};

/// x̄ += t·∂(mean σ̇)/∂x = t / (members·size) · ( (ẋ − mean ẋ)/σ − σ̇·(x − μ)/σ² )
template <class T>
struct StdDevSecondOrder {
  SampleGroups<T> of;
  const T* tangent;
  const double* t;
  T* x_bar;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const double centre = of.mean(of.x, i), tangent_centre = of.mean(tangent, i), deviation = of.deviation(i), derivative = of.derivative(tangent, i);
    const double factor = t[i / of.size] / (static_cast<double>(of.members * of.size) * deviation);
    for (index_t member = 0; member < of.members; ++member)
      x_bar[of.place(member, i)] += static_cast<T>(
          factor * (of.value(tangent, member, i) - tangent_centre - derivative * (of.value(of.x, member, i) - centre) / deviation));
  }
};

struct MinibatchStdDevOptions {
  index_t group = 4;  ///< samples that are compared with each other; of a smaller batch all
  double epsilon = 1e-8;
};

/// Minibatch standard deviation: one more channel, the same everywhere in a group of samples, with how much the group varies,
///
///     s = mean over all values p of √( mean over the group's samples n of (x_np − μ_p)² + ε ),
///
/// so that the discriminator sees a generator that makes one thing only. N×…×C → N×…×(C+1). Karras et al. 2018, section 3; groups as in
/// Karras et al. 2020. Samples n, n + N/group, … form one.
///
/// It couples the samples of a batch, and is penalised all the same: the others have a part in a sample's gradient by way of one mean
/// of all values alone, and the penalty of ∇Σ D(x), which that is, is what StyleGAN2 trains with.
template <class T = float, class D = Cpu>
class MinibatchStdDev : public LayerDefaults<T, D> {
 public:
  static constexpr bool couples_samples = true;
  static constexpr bool penalised_although_coupled = true;
  static constexpr bool curved = true;

  NASH_COLD explicit MinibatchStdDev(const MinibatchStdDevOptions& options = {}) : options_(options) {
    require_at_least(1, options.group, "MinibatchStdDev", "a group");
    require_epsilon(options.epsilon, "MinibatchStdDev", "1e-8");
  }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() != 2 && x.rank() != 4) throw ShapeError("MinibatchStdDev", "N×H×W×C images or N×C values", x.text(), "change the layer before it");
    if (x[0] > options_.group && x[0] % options_.group != 0)
      throw ShapeError("MinibatchStdDev", concat({"a batch that is a multiple of its groups of ", options_.group}), concat({x[0]}),
                       "use such batches, or another group");
    return x.rank() == 2 ? Shape{x[0], x[1] + 1} : Shape{x[0], x[1], x[2], x[3] + 1};
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(output_shape(x.shape()));
    append(pass, groups_of(x), x, nullptr, y);
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                Gradients<T, D>*) const {
    if (dx == nullptr) return;
    const SampleGroups<T> of = groups_of(x);
    const auto t = pass.context.template scratch<double>(of.groups);
    cotangents(pass, of, x.shape(), dy, t.data());
    dx->resize(x.shape());
    pointwise(pass.context, of.groups * of.size, StdDevBackward<T>{of, x.shape().channels(), dy.data(), t.data(), dx->data()});
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, NoSaved&, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    y_tangent.resize(y.shape());
    append(pass, groups_of(x), x_tangent, x_tangent.data(), y_tangent);
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>*) const {
    if (x_bar == nullptr) return;
    const SampleGroups<T> of = groups_of(x);
    const auto t = pass.context.template scratch<double>(of.groups);
    cotangents(pass, of, x.shape(), delta, t.data());
    pointwise(pass.context, of.groups * of.size, StdDevSecondOrder<T>{of, x_tangent.data(), t.data(), x_bar->data()});
  }

  template <class U, class E>
  MinibatchStdDev<U, E> to() const {
    return MinibatchStdDev<U, E>(options_);
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("MinibatchStdDev").set("group", options_.group).set("epsilon", options_.epsilon);
  }
  static MinibatchStdDev from(const LayerDescription& d) {
    d.allow({"group", "epsilon"});
    return MinibatchStdDev({.group = d.size("group", 4), .epsilon = d.number("epsilon", 1e-8)});
  }

 private:
  SampleGroups<T> groups_of(const Tensor<T, D>& x) const {
    const index_t samples = x.shape()[0], members = std::min(samples, options_.group);
    return {members == 0 ? 0 : samples / members, members, x.shape().count_per_sample(), options_.epsilon, x.data()};
  }

  /// y := x's values and the statistic, or both of a tangent.
  void append(const Pass<D>& pass, const SampleGroups<T>& of, const Tensor<T, D>& x, const T* tangent, Tensor<T, D>& y) const {
    const index_t channels = x.shape().channels();
    const auto sums = pass.context.template scratch<double>(of.groups);
    sum_rows(pass.context, of.groups, of.size, GroupDeviations<T>{of, tangent}, sums.data());
    pointwise(pass.context, y.count(), AppendStatistic<T>{channels, of.size / channels, of.groups, of.size, x.data(), sums.data(), y.data()});
  }

  /// t := the cotangent of each group's statistic
  void cotangents(const Pass<D>& pass, const SampleGroups<T>& of, const Shape& x, const Tensor<T, D>& d, double* t) const {
    pointwise(pass.context, of.groups, StatisticCotangent<T>{x.channels(), of.size / x.channels(), of.groups, x[0], d.data(), t});
  }

  MinibatchStdDevOptions options_;
};

}  // namespace nash
