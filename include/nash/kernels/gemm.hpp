// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// C := op(A)·op(B) + bias, or C += op(A)·op(B): m×k times k×n, all row-major and dense.
struct GemmGeometry {
  index_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  ///< A is stored k×m
  bool transpose_b = false;  ///< B is stored n×k
  bool accumulate = false;   ///< add to C instead of overwriting it
};

/// Matrix products, specialised per device:
///
///     static void multiply(Context<Device>&, const GemmGeometry&, const T* a, const T* b, T* c, const T* bias = nullptr);
///
/// requires  C overlaps neither A nor B;  bias is null or has n values;  bias is null where geometry.accumulate
/// ensures   every element of C is the same whatever the number of threads
template <class Device>
struct GemmKernels : NoKernels<Device> {};

}  // namespace nash
