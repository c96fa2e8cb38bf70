// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "nash/tensor/context.hpp"

namespace nash {

/// A number in a device's memory, for functors that need it: on the host the value that it has now; on a device with memory of its own
/// the place, which is read when the functor runs, so that the host need not wait for what an operation before it computes.
template <class T, class Device>
class DeviceScalar {
 public:
  explicit DeviceScalar(const T* place) : value_(at(place)) {}

  NASH_HOST_DEVICE T operator()() const {
    if constexpr (shares_host_memory<Device>) {
      return value_;
    } else {
      return *value_;
    }
  }

 private:
  using Held = std::conditional_t<shares_host_memory<Device>, T, const T*>;
  static Held at(const T* place) {
    if constexpr (shares_host_memory<Device>) {
      return *place;
    } else {
      return place;
    }
  }

  Held value_;
};

}  // namespace nash
