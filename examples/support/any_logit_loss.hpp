// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nash.hpp"

namespace example {

/// nash's losses of one logit as one type, so that trainers of different losses are compiled once.
struct AnyLogitLoss {
  enum Kind { non_saturating, minimax, least_squares, pearson, wasserstein, hinge } kind = non_saturating;

  NASH_HOST_DEVICE nash::LossValue real(double l) const { return of(Real{}, l); }
  NASH_HOST_DEVICE nash::LossValue fake(double l) const { return of(Fake{}, l); }
  NASH_HOST_DEVICE nash::LossValue generator(double l) const { return of(OfGenerator{}, l); }

 private:
  struct Real {
    NASH_HOST_DEVICE nash::LossValue operator()(const auto& loss, double l) const { return loss.real(l); }
  };
  struct Fake {
    NASH_HOST_DEVICE nash::LossValue operator()(const auto& loss, double l) const { return loss.fake(l); }
  };
  struct OfGenerator {
    NASH_HOST_DEVICE nash::LossValue operator()(const auto& loss, double l) const { return loss.generator(l); }
  };

  template <class Term>
  NASH_HOST_DEVICE nash::LossValue of(const Term& term, double l) const {
    switch (kind) {
      case minimax: return term(nash::Minimax{}, l);
      case least_squares: return term(nash::LeastSquares{}, l);
      case pearson: return term(nash::LeastSquares{-1, 1, 0}, l);
      case wasserstein: return term(nash::Wasserstein{}, l);
      case hinge: return term(nash::Hinge{}, l);
      case non_saturating: break;
    }
    return term(nash::NonSaturating{}, l);
  }
};

}  // namespace example
