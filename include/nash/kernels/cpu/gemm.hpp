// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/packed_product.hpp"
#include "nash/kernels/cpu/ranges.hpp"
#include "nash/kernels/reference/gemm.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {

/// The scalars that the Cpu device has vector kernels for; any other takes the naive loops.
template <class T>
inline constexpr bool has_vector_kernels = std::is_same_v<T, float> || std::is_same_v<T, double>;

namespace cpu {

/// y := W·x + bias for the rows [begin, end) of W, n×k: a product with a single sample, where nothing is used twice.
template <class T>
struct MatrixVector {
  const T* w;
  const T* x;
  const T* bias;
  T* y;
  index_t k;

  template <bool vectors>
  NASH_ALWAYS_INLINE void run(index_t begin, index_t end) const {
    for (index_t row = begin; row < end; ++row) {
      const T sum = dot<vectors>(w + row * k, x, k);
      y[row] = bias != nullptr ? sum + bias[row] : sum;
    }
  }

 private:
  template <bool vectors>
  NASH_ALWAYS_INLINE static T dot(const T* a, const T* b, index_t count) {
    T sum = 0;
#pragma omp simd if(vectors) reduction(+ : sum)
    for (index_t i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
  }
};

}  // namespace cpu

/// The packed product of the operands as they are stored. B is what gets packed, and a transposed B at some cost; where A is
/// much the smaller one, as a batch is beside a layer's weights, the product of the transposed operands packs A instead and
/// reads B where it lies: Cᵀ = Bᵀ·Aᵀ.
template <>
struct GemmKernels<Cpu> {
  template <class T>
  NASH_COLD static void multiply(Context<Cpu>& context, const GemmGeometry& g, const T* a, const T* b, T* c, const T* bias = nullptr,
                                 const cpu::Epilogue<T>& epilogue = {}) {
    if constexpr (!has_vector_kernels<T>) {
      GemmKernels<Reference>::multiply(context, g, a, b, c, bias);
      epilogue.apply_to_all(context, g.m * g.n);
    } else if (g.transpose_b && g.m == 1 && !g.accumulate) {
      const index_t rows = std::max<index_t>(1, single_work / std::max<index_t>(g.k, 1));
      cpu::for_ranges(context, g.n, rows, g.n * g.k > 4 * single_work, cpu::MatrixVector<T>{b, a, bias, c, g.k});
      epilogue.apply_to_all(context, g.n);
    } else if (g.transpose_b && g.m <= small_m && 2 * g.m <= g.n) {
      const auto transposed = context.template scratch<T>(g.m * g.n);
      product<T>(context, g.n, g.m, g.k, b, false, a, !g.transpose_a, transposed.data(), nullptr, false, {});
      cpu::transpose_into(context, transposed.data(), g.m, g.n, c, bias, g.accumulate);
      epilogue.apply_to_all(context, g.m * g.n);
    } else {
      product<T>(context, g.m, g.n, g.k, a, g.transpose_a, b, g.transpose_b, c, bias, g.accumulate, epilogue);
    }
  }

 private:
  static constexpr index_t small_m = 192;
  static constexpr index_t single_work = 1 << 12;  // products of a single sample that a thread does at a time

  template <class T>
  static void product(Context<Cpu>& context, index_t m, index_t n, index_t k, const T* a, bool transpose_a, const T* b,
                      bool transpose_b, T* c, const T* bias, bool accumulate, const cpu::Epilogue<T>& epilogue) {
    const cpu::MatrixRows<T> rows(a, k);
    const cpu::TransposedRows<T> transposed_rows(a, m);
    const cpu::MatrixColumns<T> columns(b, n);
    const cpu::TransposedColumns<T> transposed_columns(b, n, k);
    const cpu::LeftOperand<T>* left = &rows;
    const cpu::RightOperand<T>* right = &columns;
    if (transpose_a) left = &transposed_rows;
    if (transpose_b) right = &transposed_columns;
    cpu::PackedProduct<T>(context, m, n, k, *left, *right, cpu::MatrixOutput<T>(c, n), bias, accumulate, epilogue).run();
  }
};

}  // namespace nash
NASH_END_SIMD_LOOPS
