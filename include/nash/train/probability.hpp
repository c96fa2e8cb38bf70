// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/platform.hpp"

namespace nash {

/// A number from 0 to 1 that a method carries from step to step: a checkpoint with another one is refused.
struct Probability {
  double value = 0;

  operator double() const { return value; }
};

}  // namespace nash
