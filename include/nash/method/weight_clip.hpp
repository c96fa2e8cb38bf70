// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method.hpp"

namespace nash {

/// θ := max(−bound, min(θ, bound)); a NaN stays one
template <class T>
struct Clip {
  T bound;
  T* theta;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const T value = theta[i];
    theta[i] = value < -bound ? -bound : value > bound ? bound : value;
  }
};

/// Clips every parameter of the critic to [−c, c] after each of its updates, which bounds its Lipschitz constant.
/// Arjovsky, Chintala and Bottou 2017, algorithm 1. The authors call it "a clearly terrible way"; GradientPenalty came of that.
class WeightClip {
 public:
  static constexpr const char* name = "WeightClip";
  static constexpr bool runs_ahead = true;

  explicit WeightClip(double bound = 0.01) : bound_(bound) {
    require_method_option(0, bound, "WeightClip", "a bound");
    if (bound == 0) throw ShapeError("WeightClip", "a bound above 0", "0", "use 0.01");
  }

  template <class Device, class Network>
  void after_update(const Update<Device>& update, Network& network) const {
    using T = typename Network::Scalar;
    if (update.player != Player::discriminator) return;
    pointwise(update.context, network.parameters().count(), Clip<T>{static_cast<T>(bound_), network.parameters().data()});
  }

 private:
  double bound_;
};

}  // namespace nash
