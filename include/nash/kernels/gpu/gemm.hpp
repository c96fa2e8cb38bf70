// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gemm.hpp"
#include "nash/kernels/gpu/pointwise.hpp"

namespace nash {
namespace gpu {

/// y[row, column] := bias[column]
template <class T>
struct RepeatRow {
  const T* bias;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t column) const { y[i] = bias[column]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.writes(self.y), visit.reads_column(self.bias);
  }
};

/// GemmKernels of a GPU, by a library that stores matrices by columns: our C = op(A)·op(B) by rows is its Cᵀ = op(B)ᵀ·op(A)ᵀ by
/// columns, and a matrix stored by rows is to it the transposed one.
template <class Device>
struct GemmKernels {
  template <class T>
  static void multiply(Context<Device>& context, const GemmGeometry& g, const T* a, const T* b, T* c, const T* bias = nullptr) {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "a GPU multiplies matrices of float or double");
    if (g.m == 0 || g.n == 0) return;
    if (bias != nullptr) PointwiseKernels<Device>::for_each_in_rows(context, g.m, g.n, RepeatRow<T>{bias, c});
    const bool adds = g.accumulate || bias != nullptr;
    if (g.k == 0) {
      if (!adds) PointwiseKernels<Device>::for_each(context, g.m * g.n, Fill<T>{c, T{0}});
      return;
    }
    context.add(ColumnMajorProduct{.type = std::is_same_v<T, float> ? ScalarType::float32 : ScalarType::float64,
                                   .exact = context.exact_products(),
                                   .transpose_a = g.transpose_b, .transpose_b = g.transpose_a,
                                   .m = g.n, .n = g.m, .k = g.k,
                                   .a = b, .b = a, .c = c,
                                   .lda = g.transpose_b ? g.k : g.n, .ldb = g.transpose_a ? g.m : g.k, .ldc = g.n,
                                   .beta = adds ? 1.0 : 0.0});
  }
};

}  // namespace gpu
}  // namespace nash
