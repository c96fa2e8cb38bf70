// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/activation.hpp"

namespace nash {

template <class T>
struct LeakyReluFunction {
  T negative_slope;
  NASH_HOST_DEVICE T value(T x) const {
    const T scaled = negative_slope * x;
    return scaled > x ? scaled : x;  // the larger one, since the slope is below 1: a vector instruction, where a test of x is a branch
  }
  NASH_HOST_DEVICE T slope(T y) const { return y > T{0} ? T{1} : negative_slope; }
};

/// The leaky rectifier: y = x for x > 0, else slope·x, with a slope from 0 up to (not including) 1. Maas et al. 2013.
template <class T = float, class Device = Cpu>
class LeakyReLU : public ActivationLayer<LeakyReluFunction<T>, T, Device> {
 public:
  /// A slope of 1 would be the identity, and a discriminator of those a linear one; it is refused as the slip that it is.
  NASH_COLD explicit LeakyReLU(double slope = 0.2)
      : ActivationLayer<LeakyReluFunction<T>, T, Device>({static_cast<T>(checked(slope))}), slope_(slope) {}
  template <std::same_as<bool> Flag>
  explicit LeakyReLU(Flag) = delete;  // LeakyReLU(true), which means "in place" elsewhere, would be a slope of 1

  template <class U, class D>
  LeakyReLU<U, D> to() const {
    return LeakyReLU<U, D>(slope_);
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("LeakyReLU").set("slope", slope_); }
  static LeakyReLU from(const LayerDescription& d) {
    d.allow({"slope"});
    return LeakyReLU(d.number("slope", 0.2));
  }

 private:
  static double checked(double slope) {
    if (!(slope >= 0 && slope < 1)) throw ShapeError("LeakyReLU", "a slope from 0 to below 1", concat({slope}), "use 0.2");
    return slope;
  }

  double slope_;
};

}  // namespace nash
