// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/row_sums.hpp"
#include "nash/kernels/weighted_sums.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// A square matrix without its diagonal
template <class T>
struct ClearDiagonal {
  index_t rows;
  T* a;
  NASH_HOST_DEVICE void operator()(index_t i) const { a[i * (rows + 1)] = T{0}; }
};

/// gradient −= factor·‖w‖²·w, of each row w
template <class T>
struct SubtractOwnSquare {
  index_t size;
  double factor;
  const double* squares;
  const T* w;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t i) const { gradient[i] -= static_cast<T>(factor * squares[i / size]) * w[i]; }
};

/// Pulls the filters of each layer apart: β·Σ_{i≠j} ⟨wᵢ, wⱼ⟩² over what each output of a weight is made of, that is β·‖W·Wᵀ ⊙ (1 − I)‖² with
/// W's outputs as rows. Lengths are free. Brock, Donahue and Simonyan 2019, equation 3.
///
/// Rows of which there are at least twice as many as each has numbers are multiplied as β·(‖Wᵀ·W‖² − Σᵢ ‖wᵢ‖⁴), by the smaller matrix. That
/// cancels little: so many of one length cannot be near to orthogonal, and the difference is at least as much as what is taken off.
class OrthogonalRegularisation {
 public:
  static constexpr const char* name = "OrthogonalRegularisation";
  static constexpr bool runs_ahead = true;

  explicit OrthogonalRegularisation(double weight = 1e-4, Player player = Player::generator) : weight_(weight), player_(player) {
    require_method_option(0, weight, "OrthogonalRegularisation", "a weight");
  }

  template <class Device, class Network, class T>
  double add_parameter_term(const Update<Device>& update, const Network& network, Tensor<T, Device>& gradients) const {
    if (update.player != player_ || weight_ == 0) return 0;
    index_t parameters = 0;
    for_each_parameter(network, [&](const StateName&, const auto&) { ++parameters; });
    WeightedSums<Device> value(update.context, 2 * parameters);
    for_each_parameter(network, [&](const StateName&, const auto& parameter) {
      const index_t rows = parameter.fans().rows;
      if (parameter.shape().rank() < 2 || rows < 1) return;  // biases, scales
      const index_t columns = parameter.count() / rows;
      T* const gradient = gradients.data() + parameter.offset();
      if (rows >= 2 * columns && !parameter.fans().outputs_are_columns)
        add_many(update.context, rows, columns, parameter.data(), gradient, value);
      else
        add_few(update.context, rows, columns, parameter.fans().outputs_are_columns, parameter.data(), gradient, value);
    });
    return value.total();
  }

 private:
  /// By the products of all pairs of filters, the rows or columns of w.
  template <class Device, class T>
  void add_few(Context<Device>& context, index_t rows, index_t columns, bool by_columns, const T* w, T* gradient, WeightedSums<Device>& value) const {
    const index_t filters = by_columns ? columns : rows, size = by_columns ? rows : columns;
    const auto gram = context.template scratch<T>(filters * filters);
    GemmKernels<Device>::multiply(context, {.m = filters, .n = filters, .k = size, .transpose_a = by_columns, .transpose_b = !by_columns}, w, w, gram.data());
    pointwise(context, filters, ClearDiagonal<T>{filters, gram.data()});
    value.add(weight_, filters * filters, Square<T>{gram.data()});
    pointwise(context, filters * filters, Scale<T>{gram.data(), static_cast<T>(4 * weight_), gram.data()});
    GemmKernels<Device>::multiply(context, {.m = rows, .n = columns, .k = filters, .accumulate = true}, by_columns ? w : gram.data(),
                                  by_columns ? gram.data() : w, gradient);
  }

  /// By the products of the columns of w, of which there are fewer than filters.
  template <class Device, class T>
  void add_many(Context<Device>& context, index_t filters, index_t size, const T* w, T* gradient, WeightedSums<Device>& value) const {
    const auto products = context.template scratch<T>(size * size);
    const auto squares = context.template scratch<double>(filters);
    GemmKernels<Device>::multiply(context, {.m = size, .n = size, .k = filters, .transpose_a = true}, w, w, products.data());
    sum_rows(context, filters, size, Square<T>{w}, squares.data());
    value.add(weight_, size * size, Square<T>{products.data()});
    value.add(-weight_, filters, Square<double>{squares.data()});
    pointwise(context, size * size, Scale<T>{products.data(), static_cast<T>(4 * weight_), products.data()});
    GemmKernels<Device>::multiply(context, {.m = filters, .n = size, .k = size, .accumulate = true}, w, products.data(), gradient);
    pointwise(context, filters * size, SubtractOwnSquare<T>{size, 4 * weight_, squares.data(), w, gradient});
  }

  double weight_;
  Player player_;
};

}  // namespace nash
