// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/random.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// target := 1 − target with a probability
template <class T>
struct FlipTargets {
  RandomStream random;
  double probability;
  T* targets;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    if (random.uniform(i) < probability) targets[i] = T{1} - targets[i];
  }
};

/// Shows the discriminator the wrong label now and then: each sample's, real or generated, is flipped with probability p.
/// Chintala et al. 2016, "How to train a GAN", tip 6.
class LabelFlips {
 public:
  static constexpr const char* name = "LabelFlips";
  static constexpr bool runs_ahead = true;

  explicit LabelFlips(double probability = 0.05) : probability_(probability) {
    if (!(probability >= 0 && probability <= 1)) throw ShapeError("LabelFlips", "a probability from 0 to 1", concat({probability}), "use 0.05");
  }

  template <class T, class Device>
  void change_targets(const Update<Device>& update, LossTerm term, Tensor<T, Device>& targets) const {
    pointwise(update.context, targets.count(),
              FlipTargets<T>{update.random.child(static_cast<std::uint64_t>(term)), probability_, targets.data()});
  }

 private:
  double probability_;
};

}  // namespace nash
