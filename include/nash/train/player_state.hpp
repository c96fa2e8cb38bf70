// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"
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

  /// One step of the optimiser, with its schedule, which is asked once for each update.
  NASH_COLD void step(Context<Device>& context, Tensor<T, Device>& parameters) {
    if (factors.empty()) {
      last_factor = schedule(optimizer.steps());
    } else {
      last_factor = factors.front();
      factors.erase(factors.begin());
    }
    optimizer.step(context, parameters, gradients, last_factor);
  }
  /// For the last update, which a device has left out, with the factor that the schedule gave: it comes again.
  NASH_COLD void forget_step(double factor) {
    optimizer.forget_last_step();
    factors.insert(factors.begin(), factor);
  }

  /// Begins an update: the gradients are zero from now on.
  template <class Network>
  NASH_COLD void begin_gradients(Context<Device>& context, const Network& network) {
    unwritten.begin(context, network);
  }
  /// Where passes of the update add to them.
  Gradients<T, Device> places() { return Gradients<T, Device>(gradients, unwritten); }
  /// Ends it: from now on `gradients` can be read.
  NASH_COLD void end_gradients() { unwritten.clear_rest(gradients.data()); }

  Tensor<T, Device> gradients;
  UnwrittenGradients<T, Device> unwritten;
  Optimizer<T, Device> optimizer;
  Schedule schedule = ConstantRate{};
  double last_factor = 1;        // of the last update
  std::vector<double> factors;  // of the next ones, where the schedule was asked already
};

}  // namespace nash
