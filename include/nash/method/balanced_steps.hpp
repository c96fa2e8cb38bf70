// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method.hpp"

namespace nash {

/// Lets the generator catch up: where D told the sides apart by more than a margin, D(x) − D(G(z)) > margin, its phases are left out
/// of the next step; the step after that they run again and are measured anew. For unequal steps by a fixed rule see Phase.
class BalancedSteps {
 public:
  static constexpr const char* name = "BalancedSteps";
  static constexpr bool runs_ahead = true;

  explicit BalancedSteps(double margin = 0.8) : margin_(margin) {
    if (!(margin >= 0 && margin <= 1)) throw ShapeError("BalancedSteps", "a margin from 0 to 1", concat({margin}), "use 0.8");
  }

  bool takes_part(const Phase& phase, const StepReport& last) const {
    return phase.player == Player::generator || !last.d_real || !last.d_fake || *last.d_real - *last.d_fake <= margin_;
  }

 private:
  double margin_;
};

}  // namespace nash
