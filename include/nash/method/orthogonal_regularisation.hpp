// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/weighted_sums.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// The square matrix scaled, its diagonal 0
template <class T>
struct OffDiagonal {
  index_t rows;
  T factor;
  T* a;
  NASH_HOST_DEVICE void operator()(index_t i) const { a[i] = i / rows == i % rows ? T{0} : factor * a[i]; }
};

/// Pulls the filters of each layer apart: β·Σ_{i≠j} ⟨wᵢ, wⱼ⟩² over what each output of a weight is made of, that is β·‖W·Wᵀ ⊙ (1 − I)‖² with
/// W's outputs as rows. Lengths are free. Brock, Donahue and Simonyan 2019, equation 3.
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
    WeightedSums<Device> value(update.context, parameters);
    for_each_parameter(network, [&](const StateName&, const auto& parameter) {
      const index_t rows = parameter.fans().rows;
      if (parameter.shape().rank() < 2 || rows < 1) return;  // biases, scales
      const bool by_columns = parameter.fans().outputs_are_columns;
      const index_t columns = parameter.count() / rows, filters = by_columns ? columns : rows, size = by_columns ? rows : columns;
      const auto gram = update.context.template scratch<T>(filters * filters);
      GemmKernels<Device>::multiply(update.context, {.m = filters, .n = filters, .k = size, .transpose_a = by_columns, .transpose_b = !by_columns},
                                    parameter.data(), parameter.data(), gram.data());
      pointwise(update.context, filters * filters, OffDiagonal<T>{filters, T{1}, gram.data()});
      value.add(weight_, filters * filters, Square<T>{gram.data()});
      pointwise(update.context, filters * filters, OffDiagonal<T>{filters, static_cast<T>(4 * weight_), gram.data()});
      GemmKernels<Device>::multiply(update.context, {.m = rows, .n = columns, .k = filters, .accumulate = true}, by_columns ? parameter.data() : gram.data(),
                                    by_columns ? gram.data() : parameter.data(), gradients.data() + parameter.offset());
    });
    return value.total();
  }

 private:
  double weight_;
  Player player_;
};

}  // namespace nash
