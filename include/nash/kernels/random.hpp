// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/pointwise.hpp"

namespace nash {

/// x[i] := low + (high − low)·u, u uniform in (0, 1)
template <class T>
struct FillUniform {
  RandomStream random;
  double low, high;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const { x[i] = static_cast<T>(low + (high - low) * random.uniform(i)); }
};

/// x[i] := mean + deviation·ε, ε standard normal
template <class T>
struct FillNormal {
  RandomStream random;
  double mean, deviation;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const { x[i] = static_cast<T>(mean + deviation * random.normal(i)); }
};

/// x[i] := a standard normal given that it lies in [−bound, bound], by the inverse distribution function: no value is
/// clamped and none is drawn twice. `tail` is the distribution function at −bound.
template <class T>
struct FillTruncatedNormal {
  RandomStream random;
  double tail;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    x[i] = static_cast<T>(normal_quantile(tail + (1.0 - 2.0 * tail) * random.uniform(i)));
  }
};

}  // namespace nash
