// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/core/error.hpp"

namespace nash {

/// The softmax p of the columns first, …, first + classes − 1 of each row n of a matrix x, without overflow.
template <class T>
struct SoftmaxRows {
  const T* x;
  index_t columns, first, classes;

  NASH_HOST_DEVICE double logit(index_t n, index_t k) const { return static_cast<double>(x[n * columns + first + k]); }
  /// log Σ exp x
  NASH_HOST_DEVICE double log_sum(index_t n) const {
    double largest = logit(n, 0), total = 0;
    for (index_t k = 1; k < classes; ++k) largest = logit(n, k) > largest ? logit(n, k) : largest;
    for (index_t k = 0; k < classes; ++k) total += std::exp(logit(n, k) - largest);
    return largest + std::log(total);
  }
  NASH_HOST_DEVICE double probability(index_t n, index_t k, double log_sum) const { return std::exp(logit(n, k) - log_sum); }
  /// Σ p·v, where v has a row of `classes` values for each row
  NASH_HOST_DEVICE double mean_of(index_t n, double log_sum, const T* v) const {
    double total = 0;
    for (index_t k = 0; k < classes; ++k) total += probability(n, k, log_sum) * static_cast<double>(v[n * classes + k]);
    return total;
  }
};

}  // namespace nash
