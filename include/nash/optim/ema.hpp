// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nash/nn/layer.hpp"
#include "nash/optim/optimizer.hpp"

namespace nash {

/// average += rate·(value − average)
template <class T>
struct MoveAverage {
  const T* value;
  T rate;
  T* average;
  NASH_HOST_DEVICE void operator()(index_t i) const { average[i] += rate * (value[i] - average[i]); }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.value), visit.updates(self.average);
  }
};

/// An exponential moving average of a network's parameters and of its buffers, the running statistics of BatchNorm among
/// them: averaged weights with statistics of others would normalise wrongly. What layers derive from their parameters is
/// derived anew from the averaged ones; the vectors of SpectralNorm's power iteration begin at their average.
///
/// `L` is any layer or network. It begins as a copy and is a network of its own, for sampling.
template <class L>
class Ema {
 public:
  /// decay 0.999 averages over about the last thousand updates.
  Ema(const L& network, double decay) : average_(network), decay_(decay) { require_in_range(0, 1, decay, "Ema", "a decay"); }

  /// average := decay·average + (1 − decay)·network
  template <class Device>
  void update(Context<Device>& context, const L& network) {
    using T = typename L::Scalar;
    current_.clear();
    L::visit_state(network, [&](const StateName&, const auto& state) { current_.push_back(state.value().data()); });
    std::size_t next = 0;
    L::visit_state(average_, [&](const StateName&, auto& state) {
      auto& value = state.value();
      pointwise(context, value.count(), MoveAverage<T>{current_[next++], static_cast<T>(1 - decay_), value.data()});
    });
    refresh(context, average_);
  }

  /// average := network, as at the beginning
  void reset(const L& network) { average_ = network; }

  const L& network() const { return average_; }
  L& network() { return average_; }

 private:
  L average_;
  double decay_;
  std::vector<const typename L::Scalar*> current_;
};

}  // namespace nash
