// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/math.hpp"
#include "nash/optim/optimizer.hpp"

namespace nash {

/// v := αv + (1−α)g²,  θ := θ − rate·g / (√v + ε)
template <class T>
struct RmsPropUpdate {
  T* theta;
  const T* gradient;
  T* v;
  T decay, rate, epsilon;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const T g = gradient[i];
    v[i] = decay * v[i] + (T{1} - decay) * g * g;
    theta[i] -= rate * g / (square_root(v[i]) + epsilon);
  }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.gradient), visit.updates(self.theta), visit.updates(self.v);
  }
};

/// RMSProp, with the learning rate of WGAN. Tieleman and Hinton 2012, lecture 6.5, in PyTorch's form: ε is outside of the root.
struct RmsProp {
  double learning_rate = 5e-5;
  double decay = 0.99;
  double epsilon = 1e-8;

  static constexpr int slots = 1;

  template <class T>
  RmsPropUpdate<T> update(T* theta, const T* gradient, std::array<T*, 1> mean_square, index_t, double rate) const {
    return {theta, gradient, mean_square[0], static_cast<T>(decay), static_cast<T>(rate), static_cast<T>(epsilon)};
  }

  void check() const {
    require_in_range(0, 1e6, learning_rate, "RmsProp", "a learning rate");
    require_in_range(0, 1, decay, "RmsProp", "a decay");
    require_in_range(1e-30, 1, epsilon, "RmsProp", "an epsilon");
  }
};

}  // namespace nash
