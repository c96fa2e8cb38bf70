// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"

namespace nash {

/// weight·f(i)
template <class Function>
struct WeightedTerm {
  Function f;
  double weight;
  NASH_HOST_DEVICE double operator()(index_t i) const { return weight * f(i); }
};

/// Σₖ wₖ·Σᵢ fₖ(i): several sums as one number, so that the host reads one. The sums are kept in scratch memory of the context.
template <class Device>
class WeightedSums {
 public:
  WeightedSums(Context<Device>& context, index_t most) : context_(context), sums_(context.template scratch<double>(most)) {}

  template <class Function>
  void add(double weight, index_t count, const Function& f) {
    sum_into(context_, count, WeightedTerm<Function>{f, weight}, sums_.data() + count_++);
  }

  /// Of what was added; 0 where nothing was.
  double total() const { return count_ == 0 ? 0 : sum(context_, count_, Value<double>{sums_.data()}); }

 private:
  Context<Device>& context_;
  typename Arena<Device>::template Scratch<double> sums_;
  index_t count_ = 0;
};

}  // namespace nash
