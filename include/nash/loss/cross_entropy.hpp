// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/host.hpp"
#include "nash/kernels/softmax.hpp"

namespace nash {

/// The class of row n: its label.
struct LabelOfRow {
  const std::int32_t* labels;
  NASH_HOST_DEVICE index_t operator()(index_t n) const { return labels[n]; }
};

/// The class of row n: where its one-hot code, the columns first, …, first + values − 1 of a matrix, is 1.
template <class T>
struct CategoryOfRow {
  const T* codes;
  index_t columns, first, values;
  NASH_HOST_DEVICE index_t operator()(index_t n) const {
    index_t found = 0;
    for (index_t k = 1; k < values; ++k)
      if (codes[n * columns + first + k] > codes[n * columns + first + found]) found = k;
    return found;
  }
};

/// Σ −log p of each row's class
template <class T, class Class>
struct CrossEntropySum {
  SoftmaxRows<T> rows;
  Class class_of;
  NASH_HOST_DEVICE double operator()(index_t n) const { return rows.log_sum(n) - rows.logit(n, class_of(n)); }
};

/// d += factor·(p − one-hot of the class)
template <class T, class Class>
struct CrossEntropyGradient {
  SoftmaxRows<T> rows;
  Class class_of;
  double factor;
  T* d;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / rows.classes, k = i % rows.classes;
    const double p = rows.probability(n, k, rows.log_sum(n));
    d[n * rows.columns + rows.first + k] += static_cast<T>(factor * (p - (k == class_of(n) ? 1.0 : 0.0)));
  }
};

/// Adds the gradient of factor·Σ −log p of each row's class to that of the logits, and returns what to sum. Some columns of these are the class
/// logits.
template <class T, class Device, class Class>
CrossEntropySum<T, Class> add_cross_entropy_gradient(Context<Device>& context, double factor, const Class& class_of, index_t first, index_t classes,
                                                     const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
  const SoftmaxRows<T> rows{logits.data(), logits.shape().channels(), first, classes};
  pointwise(context, logits.shape()[0] * classes, CrossEntropyGradient<T, Class>{rows, class_of, factor, d_logits.data()});
  return {rows, class_of};
}

/// weight times the mean cross-entropy of some columns of logits, the class logits, with the class of each row; its gradient is added.
template <class T, class Device, class Class>
double add_cross_entropy(Context<Device>& context, double weight, const Class& class_of, index_t first, index_t classes,
                         const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
  const index_t samples = logits.shape()[0];
  const double factor = weight / static_cast<double>(samples);
  return factor * sum(context, samples, add_cross_entropy_gradient(context, factor, class_of, first, classes, logits, d_logits));
}

}  // namespace nash
