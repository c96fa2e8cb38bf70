// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/random.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// x += deviation·ε, ε standard normal
template <class T>
struct AddNoise {
  RandomStream random;
  double deviation;
  T* x;
  NASH_HOST_DEVICE T noise(double normal) const { return static_cast<T>(deviation * normal); }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto normals = random.normals(block);
    T* const to = x + 4 * block;
    to[0] += noise(normals[0]), to[1] += noise(normals[1]), to[2] += noise(normals[2]), to[3] += noise(normals[3]);
  }
  NASH_HOST_DEVICE void one(index_t i) const { x[i] += noise(random.normal(i)); }
};

/// Gaussian noise on all images that the discriminator sees, so that what is real and what is generated overlap; its deviation falls
/// to 0 along a straight line. Sønderby et al. 2017, section 3.2.1; Arjovsky and Bottou 2017, section 3.
class InstanceNoise {
 public:
  static constexpr const char* name = "InstanceNoise";
  static constexpr bool runs_ahead = true;

  /// `steps` = 0: the noise stays as it is.
  explicit InstanceNoise(double deviation = 0.1, index_t steps = 0) : deviation_(deviation), steps_(steps) {
    require_method_option(0, deviation, "InstanceNoise", "a deviation");
    require_at_least(0, steps, "InstanceNoise", "a number of steps");
  }

  /// The deviation at a step, from 1.
  double deviation(index_t step) const {
    return steps_ == 0 ? deviation_ : deviation_ * std::max(0.0, 1 - static_cast<double>(step - 1) / static_cast<double>(steps_));
  }

  template <class T, class Device>
  void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) const {
    const double now = deviation(update.step);
    if (now == 0) return;
    pointwise_by_fours(update.context, images.count(), AddNoise<T>{update.random.child(static_cast<std::uint64_t>(source)), now, images.data()});
  }

 private:
  double deviation_;
  index_t steps_;
};

}  // namespace nash
