// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "nash/kernels/cpu/packed_product.hpp"
#include "nash/kernels/reference/gemm.hpp"

namespace nash {

/// The scalars that the Cpu device has vector kernels for; any other takes the naive loops.
template <class T>
inline constexpr bool has_vector_kernels = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <>
struct GemmKernels<Cpu> {
  template <class T>
  static void multiply(Context<Cpu>& context, const GemmGeometry& g, const T* a, const T* b, T* c, const T* bias = nullptr) {
    if constexpr (!has_vector_kernels<T>) {
      GemmKernels<Reference>::multiply(context, g, a, b, c, bias);
    } else {
      const auto with_right = [&](const auto& left) {
        const cpu::MatrixOutput<T> output{c, g.n};
        if (g.transpose_b)
          cpu::packed_product(context, g.m, g.n, left, cpu::TransposedColumns<T>{b, g.n, g.k}, output, bias, g.accumulate);
        else
          cpu::packed_product(context, g.m, g.n, left, cpu::MatrixColumns<T>{b, g.n}, output, bias, g.accumulate);
      };
      if (g.transpose_a)
        with_right(cpu::TransposedRows<T>{a, g.m, 1, g.k});
      else
        with_right(cpu::MatrixRows<T>{a, 1, g.k});
    }
  }
};

}  // namespace nash
