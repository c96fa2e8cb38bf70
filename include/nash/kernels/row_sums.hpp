// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/pointwise.hpp"
#include "nash/kernels/reduce.hpp"

namespace nash {

/// Σ f(i) over each piece of each row, in order.
template <class Function>
struct RowPieces {
  static constexpr index_t length = 256;  // elements that one call sums
  Function f;
  index_t columns, pieces;
  double* sums;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t row = i / pieces, first = i % pieces * length, last = first + length < columns ? first + length : columns;
    double total = 0;
    for (index_t column = first; column < last; ++column) total += f(row * columns + column);
    sums[i] = total;
  }
};

/// to[row] := Σ over the pieces of a row
struct JoinPieces {
  const double* sums;
  index_t pieces;
  double* to;
  NASH_HOST_DEVICE void operator()(index_t row) const {
    double total = 0;
    for (index_t piece = 0; piece < pieces; ++piece) total += sums[row * pieces + piece];
    to[row] = total;
  }
};

/// sums[row] := Σ f(i) over the row's elements i of a rows×columns matrix, for the functors that `sum` takes: the sums of each
/// sample by itself, where sum_columns gives those over all samples. The same bits whatever the number of threads.
template <class Device, class Function>
void sum_rows(Context<Device>& context, index_t rows, index_t columns, const Function& f, double* sums) {
  if constexpr (requires { ReduceKernels<Device>::sum_rows(context, rows, columns, f, sums); }) {
    ReduceKernels<Device>::sum_rows(context, rows, columns, f, sums);
  } else {
    const index_t pieces = (columns + RowPieces<Function>::length - 1) / RowPieces<Function>::length;
    const auto partial = context.template scratch<double>(rows * pieces);
    pointwise(context, rows * pieces, RowPieces<Function>{f, columns, pieces, partial.data()});
    pointwise(context, rows, JoinPieces{partial.data(), pieces, sums});
  }
}

}  // namespace nash
