// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/pointwise.hpp"

namespace nash {

/// The rest of a map by fours: f.one(i)
template <class Function>
struct OneOfFour {
  static constexpr bool scalar_work = true;
  Function f;
  index_t first;
  NASH_HOST_DEVICE void operator()(index_t i) const { f.one(first + i); }
};

/// A map of as many elements, four at a time, since one block of random bits serves four: f(k) for the elements 4k to 4k + 3, and f.one(i)
/// for each of the last ones.
template <class Device, class Function>
void pointwise_by_fours(Context<Device>& context, index_t count, const Function& f) {
  pointwise(context, count / 4, f);
  if (count % 4 != 0) pointwise(context, count % 4, OneOfFour<Function>{f, count - count % 4});
}

/// x[i] := low + (high − low)·u, u uniform in (0, 1)
template <class T>
struct FillUniform {
  static constexpr bool scalar_work = true;
  RandomStream random;
  double low, high;
  T* x;
  NASH_HOST_DEVICE T value(double u) const { return static_cast<T>(low + (high - low) * u); }
  NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto u = random.uniforms(block);
    T* const to = x + 4 * block;
    to[0] = value(u[0]), to[1] = value(u[1]), to[2] = value(u[2]), to[3] = value(u[3]);
  }
  NASH_HOST_DEVICE void one(index_t i) const { x[i] = value(random.uniform(i)); }
};
template <class T, class Device>
void fill_uniform(Context<Device>& context, RandomStream random, double low, double high, index_t count, T* x) {
  pointwise_by_fours(context, count, FillUniform<T>{random, low, high, x});
}

/// x[i] := mean + deviation·ε, ε standard normal
template <class T>
struct FillNormal {
  RandomStream random;
  double mean, deviation;
  T* x;
  NASH_HOST_DEVICE T value(double normal) const { return static_cast<T>(mean + deviation * normal); }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto normals = random.normals(block);
    T* const to = x + 4 * block;
    to[0] = value(normals[0]), to[1] = value(normals[1]), to[2] = value(normals[2]), to[3] = value(normals[3]);
  }
  NASH_HOST_DEVICE void one(index_t i) const { x[i] = value(random.normal(i)); }
};
template <class T, class Device>
void fill_normal(Context<Device>& context, RandomStream random, double mean, double deviation, index_t count, T* x) {
  pointwise_by_fours(context, count, FillNormal<T>{random, mean, deviation, x});
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
