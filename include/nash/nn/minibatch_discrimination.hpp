// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/nn/dense.hpp"

namespace nash {

/// Kernels of each pair of samples, m of N×(kernels·dimensions):
///
///     k_b(i, j) = exp(−Σ_c |m_ibc − m_jbc|)
template <class T>
struct PairKernels {
  index_t samples, kernels, dimensions;
  const T* m;
  const T* table;  // of them all, kernels × samples for each i

  NASH_HOST_DEVICE index_t place(index_t i, index_t b, index_t c) const { return (i * kernels + b) * dimensions + c; }
  NASH_HOST_DEVICE double difference(index_t i, index_t j, index_t b, index_t c) const {
    return static_cast<double>(m[place(i, b, c)]) - static_cast<double>(m[place(j, b, c)]);
  }
  NASH_HOST_DEVICE double sign(index_t i, index_t j, index_t b, index_t c) const {
    const double d = difference(i, j, b, c);
    return d > 0 ? 1.0 : d < 0 ? -1.0 : 0.0;
  }
  NASH_HOST_DEVICE double kernel(index_t i, index_t j, index_t b) const {
    return static_cast<double>(table[(i * kernels + b) * samples + j]);
  }
  /// The derivative of −Σ_c |m_ibc − m_jbc| along a tangent of m.
  NASH_HOST_DEVICE double exponent_derivative(const T* tangent, index_t i, index_t j, index_t b) const {
    double total = 0;
    for (index_t c = 0; c < dimensions; ++c)
      total -= sign(i, j, b, c) * (static_cast<double>(tangent[place(i, b, c)]) - static_cast<double>(tangent[place(j, b, c)]));
    return total;
  }
};

/// table := k_b(i, j): the exponentials, once for all passes
template <class T>
struct FillPairTable {
  static constexpr bool scalar_work = true;
  PairKernels<T> of;
  T* table;
  NASH_HOST_DEVICE void operator()(index_t at) const {
    const index_t j = at % of.samples, b = at / of.samples % of.kernels, i = at / (of.samples * of.kernels);
    double distance = 0;
    for (index_t c = 0; c < of.dimensions; ++c) distance += std::abs(of.difference(i, j, b, c));
    table[at] = static_cast<T>(std::exp(-distance));
  }
};

/// y := x, then o_ib = Σ_j k_b(i, j); of a tangent of m: its own values, then Σ_j k_b·(its derivative)
template <class T>
struct AppendPairSums {
  static constexpr bool scalar_work = true;  // a loop over the samples
  PairKernels<T> of;
  index_t inputs;
  const T* x;
  const T* tangent;  // null: the sums themselves
  T* y;
  NASH_HOST_DEVICE void operator()(index_t at) const {
    const index_t i = at / (inputs + of.kernels), column = at % (inputs + of.kernels), b = column - inputs;
    if (column < inputs) {
      y[at] = x[i * inputs + column];
      return;
    }
    double total = 0;
    for (index_t j = 0; j < of.samples; ++j)
      total += of.kernel(i, j, b) * (tangent == nullptr ? 1.0 : of.exponent_derivative(tangent, i, j, b));
    y[at] = static_cast<T>(total);
  }
};

/// out_ibc := Σ_j (d_ib + d_jb)·k_b(i, j)·(−sign(m_ibc − m_jbc)), or, for the second order, each term times the exponent's derivative;
/// d: the last columns of a cotangent of y
template <class T>
struct PairSumsBackward {
  static constexpr bool scalar_work = true;  // a loop over the samples
  PairKernels<T> of;
  index_t inputs;
  const T* d;
  const T* tangent;  // null: first order
  T* out;
  NASH_HOST_DEVICE double cotangent(index_t i, index_t b) const { return static_cast<double>(d[i * (inputs + of.kernels) + inputs + b]); }
  NASH_HOST_DEVICE void operator()(index_t at) const {
    const index_t c = at % of.dimensions, b = at / of.dimensions % of.kernels, i = at / (of.dimensions * of.kernels);
    double total = 0;
    for (index_t j = 0; j < of.samples; ++j) {
      const double sign = of.sign(i, j, b, c);
      if (sign == 0) continue;
      const double along = tangent == nullptr ? 1.0 : of.exponent_derivative(tangent, i, j, b);
      total -= sign * (cotangent(i, b) + cotangent(j, b)) * of.kernel(i, j, b) * along;
    }
    out[at] = static_cast<T>(total);
  }
};

/// x[n, ·] += the first columns of y[n, ·]
template <class T>
struct AccumulateFirstColumns {
  index_t columns, of_columns;
  const T* y;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const { x[i] += y[i / columns * of_columns + i % columns]; }
};

struct MinibatchDiscriminationOptions {
  index_t dimensions = 5;
  Init init = Init::glorot();
};

/// Minibatch discrimination: to the features of each sample are added its likenesses to the samples of the batch,
///
///     m_i = x_i·Tᵀ of kernels × dimensions,   o_ib = Σ_j exp(−‖m_ib − m_jb‖₁),   y_i = (x_i, o_i),
///
/// so that the discriminator sees a generator that makes one thing only. N×in → N×(in + kernels); images are taken as they lie.
/// Salimans et al. 2016, section 3.2; the sum counts the sample itself, as there. It takes N²·kernels·dimensions operations and
/// keeps N²·kernels numbers.
template <class T = float, class D = Cpu>
class MinibatchDiscrimination : public LayerDefaults<T, D> {
 public:
  static constexpr bool couples_samples = true;
  static constexpr bool curved = true;
  static constexpr const char* instead = "MinibatchStdDev";
  template <bool penalised>
  struct Penalised {
    static_assert(!penalised, "MinibatchDiscrimination couples the samples of a batch, so that a penalty on the gradient of each makes no sense: "
                              "use MinibatchStdDev in its place, or leave the penalty out");
  };

  struct Saved {
    Tensor<T, D> m;      // N×(kernels·dimensions)
    Tensor<T, D> table;  // N×kernels×N
    NoSaved dense;
  };

  NASH_COLD MinibatchDiscrimination(index_t inputs, index_t kernels, const MinibatchDiscriminationOptions& options = {})
      : dense_{checked(inputs, kernels, options), kernels * options.dimensions, {.bias = false, .init = options.init}},
        inputs_(inputs), kernels_(kernels), options_(options) {}

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() == 0 || x.count_per_sample() != inputs_)
      throw ShapeError("MinibatchDiscrimination", concat({"N×", inputs_, " inputs"}), x.text(),
                       concat({"build MinibatchDiscrimination{", x.rank() == 0 ? 1 : x.count_per_sample(), ", ", kernels_, "} or change the layer before it"}));
    return {x[0], inputs_ + kernels_};
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    y.resize(output_shape(x.shape()));
    const Shape shape = dense_.output_shape(x.shape()), table_shape{shape[0], kernels_, shape[0]};
    if (saved != nullptr) {
      saved->table.resize(table_shape);
      return fill_and_append(pass, x, saved->m, saved->table, y);
    }
    const auto memory = pass.context.template scratch<T>(shape.count()), more = pass.context.template scratch<T>(table_shape.count());
    Tensor<T, D> m = memory.tensor(shape), table = more.tensor(table_shape);
    fill_and_append(pass, x, m, table, y);
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                Gradients<T, D>* grads) const {
    const auto memory = pass.context.template scratch<T>(saved.m.count());
    const Tensor<T, D> dm = pair_backward(pass, saved, dy, nullptr, memory);
    dense_.backward(pass, x, saved.m, saved.dense, dm, dx, grads);
    if (dx != nullptr) pointwise(pass.context, x.count(), AccumulateFirstColumns<T>{inputs_, y.shape()[1], dy.data(), dx->data()});
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    const auto memory = pass.context.template scratch<T>(saved.m.count());
    Tensor<T, D> m_tangent = memory.tensor(saved.m.shape());
    dense_.tangent(pass, x, saved.m, saved.dense, x_tangent, m_tangent);
    y_tangent.resize(y.shape());
    append(pass, pairs(saved.m, saved.table), x_tangent, m_tangent.data(), y_tangent);
  }

  /// Of S = ⟨δ, J·ẋ⟩: ∂S/∂m goes the way of a cotangent of m to x and T, and ∂S/∂ṁ, what backward makes of δ, to T by way of ẋ.
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    const auto memory = pass.context.template scratch<T>(saved.m.count()), more = pass.context.template scratch<T>(saved.m.count());
    const auto from_m = pass.context.template scratch<T>(x_bar == nullptr ? 0 : x.count());
    Tensor<T, D> m_tangent = memory.tensor(saved.m.shape());
    dense_.tangent(pass, x, saved.m, saved.dense, x_tangent, m_tangent);
    const Tensor<T, D> m_bar = pair_backward(pass, saved, delta, m_tangent.data(), more);
    Tensor<T, D> dx = from_m.tensor(x_bar == nullptr ? Shape{0} : x.shape());
    dense_.backward(pass, x, saved.m, saved.dense, m_bar, x_bar == nullptr ? nullptr : &dx, grads);
    if (x_bar != nullptr) pointwise(pass.context, x.count(), Accumulate<T>{dx.data(), x_bar->data()});
    if (grads == nullptr) return;
    const Tensor<T, D> dm = pair_backward(pass, saved, delta, nullptr, more);
    dense_.tangent_backward(pass, x, saved.m, saved.dense, x_tangent, dm, nullptr, grads);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Dense<T, D>::visit_state(self.dense_, visit);
  }

  static auto weights(auto& self) { return Dense<T, D>::weights(self.dense_); }

  template <class U, class E>
  MinibatchDiscrimination<U, E> to() const {
    MinibatchDiscrimination<U, E> other(inputs_, kernels_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("MinibatchDiscrimination").set("in", inputs_).set("kernels", kernels_).set("dimensions", options_.dimensions)
        .set(options_.init);
  }
  static MinibatchDiscrimination from(const LayerDescription& d) {
    d.allow({"in", "kernels", "dimensions", "init"});
    return MinibatchDiscrimination(d.size("in"), d.size("kernels"),
                                   {.dimensions = d.size("dimensions", 5), .init = d.init(MinibatchDiscriminationOptions{}.init)});
  }

 private:
  static index_t checked(index_t inputs, index_t kernels, const MinibatchDiscriminationOptions& options) {
    require_at_least(1, inputs, "MinibatchDiscrimination", "a number of inputs");
    require_at_least(1, kernels, "MinibatchDiscrimination", "a number of kernels");
    require_at_least(1, options.dimensions, "MinibatchDiscrimination", "a number of dimensions");
    return inputs;
  }

  PairKernels<T> pairs(const Tensor<T, D>& m, const Tensor<T, D>& table) const {
    return {m.shape()[0], kernels_, options_.dimensions, m.data(), table.data()};
  }

  void fill_and_append(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& m, Tensor<T, D>& table, Tensor<T, D>& y) const {
    dense_.forward(pass, x, m, nullptr);
    pointwise(pass.context, table.count(), FillPairTable<T>{pairs(m, table), table.data()});
    append(pass, pairs(m, table), x, nullptr, y);
  }

  void append(const Pass<D>& pass, const PairKernels<T>& of, const Tensor<T, D>& x, const T* m_tangent, Tensor<T, D>& y) const {
    pointwise(pass.context, y.count(), AppendPairSums<T>{of, inputs_, x.data(), m_tangent, y.data()});
  }

  template <class Memory>
  Tensor<T, D> pair_backward(const Pass<D>& pass, const Saved& saved, const Tensor<T, D>& d, const T* m_tangent, const Memory& memory) const {
    Tensor<T, D> out = memory.tensor(saved.m.shape());
    pointwise(pass.context, out.count(), PairSumsBackward<T>{pairs(saved.m, saved.table), inputs_, d.data(), m_tangent, out.data()});
    return out;
  }

  Dense<T, D> dense_;
  index_t inputs_, kernels_;
  MinibatchDiscriminationOptions options_;
};

}  // namespace nash
