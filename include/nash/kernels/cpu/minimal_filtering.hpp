// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "nash/kernels/cpu/tile.hpp"

namespace nash::cpu {

/// A small matrix that is known when the program is compiled.
template <int row_count, int column_count>
struct ConstantMatrix {
  static constexpr int rows = row_count, columns = column_count;
  double values[row_count][column_count] = {};
};

/// Winograd's minimal filtering F(m, r): m results of a filter of r taps take m + r − 1 multiplications instead of m·r,
///
///     y = Aᵀ·((G·g) ⊙ (Bᵀ·d))          d: m + r − 1 inputs, g: r taps, y: m results
///
/// by evaluating polynomials at points: A and G hold powers of the points, Bᵀ the coefficients of the interpolation. In two
/// dimensions each matrix is applied along both. Winograd 1980, "Arithmetic Complexity of Computations", section IV; Lavin and
/// Gray 2016, "Fast Algorithms for Convolutional Neural Networks".
///
/// Positions are ∞ and then the points in order, so that a smaller m has the first ones of a larger m, with the same G·g there.
/// Points of small magnitude lose few digits: F(4, 2) in two dimensions ends with about four times the rounding of plain sums.
template <int m, int r>
struct MinimalFiltering {
  static constexpr int positions = m + r - 1;
  static constexpr double points[5] = {0, 1, -1, 0.5, -2};
  static_assert(positions - 1 <= 5, "so many points are not listed");

  static constexpr double power(double x, int exponent) { return exponent == 0 ? 1 : x * power(x, exponent - 1); }

  /// The values of the powers 0 … count − 1 at each position.
  template <int count>
  static constexpr ConstantMatrix<positions, count> evaluation() {
    ConstantMatrix<positions, count> matrix;
    matrix.values[0][count - 1] = 1;
    for (int j = 1; j < positions; ++j)
      for (int i = 0; i < count; ++i) matrix.values[j][i] = power(points[j - 1], i);
    return matrix;
  }

  /// Row j: the coefficients of Lagrange's polynomial that is 1 at point j and 0 at the others; row 0, of ∞: Π (x − point).
  static constexpr ConstantMatrix<positions, positions> interpolation() {
    ConstantMatrix<positions, positions> matrix;
    for (int j = 0; j < positions; ++j) {
      auto& row = matrix.values[j];
      row[0] = 1;
      double scale = 1;
      for (int k = 1, degree = 0; k < positions; ++k) {
        if (k == j) continue;
        for (int i = ++degree; i >= 0; --i) row[i] = (i > 0 ? row[i - 1] : 0) - points[k - 1] * row[i];
        if (j > 0) scale *= points[j - 1] - points[k - 1];
      }
      for (double& coefficient : row) coefficient /= scale;
    }
    return matrix;
  }

  static constexpr auto results = evaluation<m>();     ///< A
  static constexpr auto filter = evaluation<r>();      ///< G
  static constexpr auto inputs = interpolation();      ///< Bᵀ
};

/// The linear map of a constant matrix, or of its transpose, between lines of values: out[i] (+)= Σⱼ matrix[i][j]·in[j].
template <class T>
struct LineMap {
  int in, out;
  void (*apply)(const T* const* in, T* const* out, index_t count, bool accumulate);
};

template <auto& matrix, bool transposed>
struct ConstantMap {
  using Matrix = std::remove_cvref_t<decltype(matrix)>;
  static constexpr int in = transposed ? Matrix::rows : Matrix::columns, out = transposed ? Matrix::columns : Matrix::rows;
  static constexpr double at(int i, int j) { return transposed ? matrix.values[j][i] : matrix.values[i][j]; }
  /// The first of the inputs that output i depends on.
  static constexpr int first(int i) {
    int j = 0;
    while (at(i, j) == 0) ++j;
    return j;
  }
};

template <class Map, int i, int j, class T, class Vector>
NASH_ALWAYS_INLINE void add_term(Vector& sum, const Vector* inputs) {
  if constexpr (j == Map::first(i))
    sum = static_cast<T>(Map::at(i, j)) * inputs[j];
  else if constexpr (Map::at(i, j) != 0)
    sum += static_cast<T>(Map::at(i, j)) * inputs[j];
}
template <class Map, int i, class T, class Vector, int... js>
NASH_ALWAYS_INLINE void store_row(const Vector* inputs, T* out, bool accumulate, std::integer_sequence<int, js...>) {
  Vector sum, old;
  (add_term<Map, i, js, T>(sum, inputs), ...);
  if (accumulate) {
    std::memcpy(&old, out, sizeof old);
    sum += old;
  }
  std::memcpy(out, &sum, sizeof sum);
}
template <class Map, class T, class Vector, int... is>
NASH_ALWAYS_INLINE void store_rows(const Vector* inputs, T* const* out, index_t at, bool accumulate, std::integer_sequence<int, is...>) {
  (store_row<Map, is>(inputs, out[is] + at, accumulate, std::make_integer_sequence<int, Map::in>{}), ...);
}

/// The body of every map: whole vectors only.
template <class Map, class T, int bytes>
NASH_ALWAYS_INLINE void apply_map(const T* const* in, T* const* out, index_t count, bool accumulate) {
  using Vector = typename VectorOf<T, bytes>::type;
  constexpr index_t lanes = bytes / static_cast<int>(sizeof(T));
  for (index_t at = 0; at < count; at += lanes) {
    Vector inputs[Map::in];
#pragma GCC unroll 6
    for (int j = 0; j < Map::in; ++j) std::memcpy(&inputs[j], in[j] + at, sizeof(Vector));
    store_rows<Map>(inputs, out, at, accumulate, std::make_integer_sequence<int, Map::out>{});
  }
}
template <class Map, class T>
NASH_TARGET_AVX512 void apply_map_avx512(const T* const* in, T* const* out, index_t count, bool accumulate) {
  apply_map<Map, T, 64>(in, out, count, accumulate);
}
template <class Map, class T>
NASH_TARGET_AVX2 void apply_map_avx2(const T* const* in, T* const* out, index_t count, bool accumulate) {
  apply_map<Map, T, 32>(in, out, count, accumulate);
}

template <class T, auto& matrix, bool transposed = false>
LineMap<T> line_map(InstructionSet set) {
  using Map = ConstantMap<matrix, transposed>;
  return {Map::in, Map::out, set == InstructionSet::avx512 ? apply_map_avx512<Map, T> : apply_map_avx2<Map, T>};
}

/// The matrices of F(m, r) and their transposes as maps, for one instruction set.
template <class T>
struct FilteringMaps {
  LineMap<T> inputs, inputs_adjoint;    ///< Bᵀ, B
  LineMap<T> results, results_adjoint;  ///< Aᵀ, A
  LineMap<T> filter, filter_adjoint;    ///< G, Gᵀ

  template <int m, int r>
  static FilteringMaps of(InstructionSet set) {
    using F = MinimalFiltering<m, r>;
    return {line_map<T, F::inputs>(set),        line_map<T, F::inputs, true>(set), line_map<T, F::results, true>(set),
            line_map<T, F::results>(set),       line_map<T, F::filter>(set),       line_map<T, F::filter, true>(set)};
  }
};

}  // namespace nash::cpu
