// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/core/math.hpp"
#include "nash/optim/optimizer.hpp"

namespace nash {

/// m := β₁m + (1−β₁)g,  v := β₂v + (1−β₂)g²,  θ := θ − rate·m̂ / (√v̂ + ε)
template <class T>
struct AdamUpdate {
  T* theta;
  const T* gradient;
  T* m;
  T* v;
  T beta1, beta2;
  T step_size;     // rate / (1 − β₁ᵗ)
  T inverse_root;  // 1 / √(1 − β₂ᵗ)
  T epsilon;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const T g = gradient[i];
    m[i] = beta1 * m[i] + (T{1} - beta1) * g;
    v[i] = beta2 * v[i] + (T{1} - beta2) * g * g;
    theta[i] -= step_size * m[i] / (square_root(v[i]) * inverse_root + epsilon);
  }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.gradient), visit.updates(self.theta), visit.updates(self.m), visit.updates(self.v);
  }
};

/// Adam, with the learning rate and the momentum that DCGAN found to be stable.
/// Kingma and Ba 2015, algorithm 1; Radford, Metz and Chintala 2016, section 4.
struct Adam {
  double learning_rate = 2e-4;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  static constexpr int slots = 2;

  template <class T>
  AdamUpdate<T> update(T* theta, const T* gradient, std::array<T*, 2> moments, index_t t, double rate) const {
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(t)), correction2 = 1 - std::pow(beta2, static_cast<double>(t));
    return {theta, gradient, moments[0], moments[1], static_cast<T>(beta1), static_cast<T>(beta2),
            static_cast<T>(rate / correction1), static_cast<T>(1 / std::sqrt(correction2)), static_cast<T>(epsilon)};
  }

  void check() const {
    require_in_range(0, 1e6, learning_rate, "Adam", "a learning rate");
    require_in_range(0, 1, beta1, "Adam", "a beta1");
    require_in_range(0, 1, beta2, "Adam", "a beta2");
    require_in_range(1e-30, 1, epsilon, "Adam", "an epsilon");
  }
};

}  // namespace nash
