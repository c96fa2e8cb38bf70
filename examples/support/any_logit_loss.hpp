// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nash.hpp"

namespace example {

/// nash's losses of one logit as one type, so that trainers of different losses are compiled once.
struct AnyLogitLoss {
  enum Kind { non_saturating, minimax, least_squares, wasserstein, hinge } kind = non_saturating;

  nash::LossValue real(double l) const { return of([=](const auto& loss) { return loss.real(l); }); }
  nash::LossValue fake(double l) const { return of([=](const auto& loss) { return loss.fake(l); }); }
  nash::LossValue generator(double l) const { return of([=](const auto& loss) { return loss.generator(l); }); }

 private:
  template <class Function>
  nash::LossValue of(const Function& f) const {
    switch (kind) {
      case minimax: return f(nash::Minimax{});
      case least_squares: return f(nash::LeastSquares{});
      case wasserstein: return f(nash::Wasserstein{});
      case hinge: return f(nash::Hinge{});
      case non_saturating: break;
    }
    return f(nash::NonSaturating{});
  }
};

}  // namespace example
