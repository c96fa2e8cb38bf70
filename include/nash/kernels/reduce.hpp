// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// Sums, specialised per device:
///
///     static double sum(Context<Device>&, index_t count, const Function& f);               returns Σᵢ f(i) to the host
///     static void sum_columns(Context<Device>&, index_t rows, index_t columns, const Function& f, T* sums);
///
/// A device with memory of its own has two more: one that leaves the sum there, so that the host need not wait for it, and the sums of rows,
/// which other devices make of pointwise maps (row_sums.hpp):
///
///     static void sum_into(Context<Device>&, index_t count, const Function& f, double* total);
///     static void sum_rows(Context<Device>&, index_t rows, index_t columns, const Function& f, double* sums);
///
/// sum_columns takes several sums in one pass, Function::sums of them: f(i, column, terms) fills terms[k] for element i of a
/// rows×columns matrix, and sums[k·columns + column] := Σ_rows terms[k].
///
/// requires  f is a named struct whose call operator is const and NASH_HOST_DEVICE
/// ensures   the same bits whatever the number of threads: the split of a reduction depends on the sizes alone
template <class Device>
struct ReduceKernels : NoKernels<Device> {};

/// Σ x
template <class T>
struct Value {
  const T* x;
  NASH_HOST_DEVICE double operator()(index_t i) const { return static_cast<double>(x[i]); }
};

/// Σ x²
template <class T>
struct Square {
  const T* x;
  NASH_HOST_DEVICE double operator()(index_t i) const { return static_cast<double>(x[i]) * static_cast<double>(x[i]); }
};

/// Σ x·y
template <class T>
struct Product {
  const T* x;
  const T* y;
  NASH_HOST_DEVICE double operator()(index_t i) const { return static_cast<double>(x[i]) * static_cast<double>(y[i]); }
};

/// The sum of x over the rows.
template <class T>
struct ColumnValue {
  static constexpr int sums = 1;
  const T* x;
  NASH_HOST_DEVICE void operator()(index_t i, index_t, T* terms) const { terms[0] = x[i]; }
};

template <class Device, class Function>
double sum(Context<Device>& context, index_t count, const Function& f) {
  return ReduceKernels<Device>::sum(context, count, f);
}

/// *total := Σᵢ f(i), in the device's memory
template <class Device, class Function>
void sum_into(Context<Device>& context, index_t count, const Function& f, double* total) {
  if constexpr (requires { ReduceKernels<Device>::sum_into(context, count, f, total); }) {
    ReduceKernels<Device>::sum_into(context, count, f, total);
  } else {
    *total = ReduceKernels<Device>::sum(context, count, f);
  }
}

template <class T, class Device, class Function>
void sum_columns(Context<Device>& context, index_t rows, index_t columns, const Function& f, T* sums) {
  ReduceKernels<Device>::sum_columns(context, rows, columns, f, sums);
}

}  // namespace nash
