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

/// x[i] := mean + deviation·ε, ε standard normal; four at a time, since one block of random bits makes four.
template <class T>
struct FillNormal {
  RandomStream random;
  double mean, deviation;
  index_t count;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto normals = random.normals(block);
    for (index_t i = 4 * block; i < 4 * block + 4 && i < count; ++i)
      x[i] = static_cast<T>(mean + deviation * normals[static_cast<std::size_t>(i % 4)]);
  }
};
template <class T, class Device>
void fill_normal(Context<Device>& context, RandomStream random, double mean, double deviation, index_t count, T* x) {
  pointwise(context, (count + 3) / 4, FillNormal<T>{random, mean, deviation, count, x});
}

/// x[i] := a standard normal given that it lies in [−bound, bound], by the inverse distribution function: no value is
/// clamped and none is drawn twice. `tail` is the distribution function at −bound.
template <class T>
struct FillTruncatedNormal {
  static constexpr bool scalar_work = true;
  RandomStream random;
  double tail;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    x[i] = static_cast<T>(normal_quantile(tail + (1.0 - 2.0 * tail) * random.uniform(i)));
  }
};

}  // namespace nash
