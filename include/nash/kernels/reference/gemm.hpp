// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gemm.hpp"

namespace nash {

template <>
struct GemmKernels<Reference> {
  template <class T, class Device>
  static void multiply(Context<Device>&, const GemmGeometry& geometry, const T* a, const T* b, T* c, const T* bias = nullptr) {
    const auto [m, n, k, transpose_a, transpose_b, accumulate] = geometry;
    for (index_t i = 0; i < m; ++i)
      for (index_t j = 0; j < n; ++j) {
        T total = accumulate ? c[i * n + j] : bias != nullptr ? bias[j] : T{0};
        for (index_t l = 0; l < k; ++l)
          total += a[transpose_a ? l * m + i : i * k + l] * b[transpose_b ? j * k + l : l * n + j];
        c[i * n + j] = total;
      }
  }
};

}  // namespace nash
