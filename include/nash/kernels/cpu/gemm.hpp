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
      const cpu::MatrixRows<T> rows(a, g.k);
      const cpu::TransposedRows<T> transposed_rows(a, g.m, g.k);
      const cpu::MatrixColumns<T> columns(b, g.n);
      const cpu::TransposedColumns<T> transposed_columns(b, g.n, g.k);
      const cpu::LeftOperand<T>* left = &rows;
      const cpu::RightOperand<T>* right = &columns;
      if (g.transpose_a) left = &transposed_rows;
      if (g.transpose_b) right = &transposed_columns;
      cpu::PackedProduct<T>(context, g.m, g.n, *left, *right, cpu::MatrixOutput<T>(c, g.n), bias, g.accumulate).run();
    }
  }
};

}  // namespace nash
