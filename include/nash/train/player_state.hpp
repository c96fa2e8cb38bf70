// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/optim/adam.hpp"
#include "nash/optim/schedule.hpp"

namespace nash {

/// What a trainer keeps for a player besides its network.
template <class T, class Device>
struct PlayerState {
  NASH_COLD PlayerState(const Adam& rule, const Shape& parameters)
      : gradients(Tensor<T, Device>::zeros(parameters)), optimizer(rule, parameters.count()) {}

  /// Networks that were assigned from outside may be larger than those that the player began with: throws ShapeError.
  template <class Network>
  NASH_COLD void check_size(const Network& network) const {
    if (network.parameters().count() != gradients.count())
      throw ShapeError("GanTrainer", concat({"a ", network.role(), " of ", gradients.count(), " parameters, as at the beginning"}),
                       concat({network.parameters().count()}), "make a new trainer for other networks");
  }

  Tensor<T, Device> gradients;
  Optimizer<T, Device> optimizer;
  Schedule schedule = ConstantRate{};
};

}  // namespace nash
