// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/reduce.hpp"

namespace nash {

template <>
struct ReduceKernels<Reference> {
  template <class Function>
  static double sum(Context<Reference>&, index_t count, const Function& f) {
    double total = 0;
    for (index_t i = 0; i < count; ++i) total += f(i);
    return total;
  }

  template <class T, class Function>
  static void sum_columns(Context<Reference>&, index_t rows, index_t columns, const Function& f, T* sums) {
    for (index_t column = 0; column < columns; ++column) {
      double totals[Function::sums] = {};
      for (index_t row = 0; row < rows; ++row) {
        T terms[Function::sums];
        f(row * columns + column, column, terms);
        for (int k = 0; k < Function::sums; ++k) totals[k] += static_cast<double>(terms[k]);
      }
      for (int k = 0; k < Function::sums; ++k) sums[k * columns + column] = static_cast<T>(totals[k]);
    }
  }
};

}  // namespace nash
