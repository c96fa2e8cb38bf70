// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/pointwise.hpp"

namespace nash {

template <>
struct PointwiseKernels<Reference> {
  template <class Function>
  static void for_each(Context<Reference>&, index_t count, const Function& f) {
    for (index_t i = 0; i < count; ++i) f(i);
  }

  template <class Function>
  static void for_each_in_rows(Context<Reference>&, index_t rows, index_t columns, const Function& f) {
    for (index_t i = 0; i < rows * columns; ++i) f(i, i % columns);
  }
};

}  // namespace nash
