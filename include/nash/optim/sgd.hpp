// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/optim/optimizer.hpp"

namespace nash {

/// v := momentum·v + g,  θ := θ − rate·v
template <class T>
struct SgdUpdate {
  T* theta;
  const T* gradient;
  T* velocity;
  T momentum, rate;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    velocity[i] = momentum * velocity[i] + gradient[i];
    theta[i] -= rate * velocity[i];
  }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.gradient), visit.updates(self.theta), visit.updates(self.velocity);
  }
};

/// Stochastic gradient descent with momentum (Polyak's heavy ball, in PyTorch's form: the rate is outside of the momentum).
struct Sgd {
  double learning_rate = 0.1;
  double momentum = 0.9;

  static constexpr int slots = 1;

  template <class T>
  SgdUpdate<T> update(T* theta, const T* gradient, std::array<T*, 1> velocity, index_t, double rate) const {
    return {theta, gradient, velocity[0], static_cast<T>(momentum), static_cast<T>(rate)};
  }

  void check() const {
    require_in_range(0, 1e6, learning_rate, "Sgd", "a learning rate");
    require_in_range(0, 1, momentum, "Sgd", "a momentum");
  }
};

}  // namespace nash
