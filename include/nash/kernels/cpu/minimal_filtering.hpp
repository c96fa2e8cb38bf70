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

/// Four results of a filter of two taps between two zeros: y = (g₁·d₁, g₀·d₁ + g₁·d₂, g₀·d₂ + g₁·d₃, g₀·d₃) has the
/// coefficients of a product of polynomials, which takes four multiplications. Positions and G are those of F(3, 2).
struct ClosedFiltering {
  static constexpr auto filter = MinimalFiltering<3, 2>::filter;
  static constexpr ConstantMatrix<4, 3> inputs{{{1, 0, 0}, {0, 0, 1}, {1, 1, 1}, {-1, 1, -1}}};
  static constexpr ConstantMatrix<4, 4> results{{{1, 0, -1, 0}, {0, -1, 0, 1}, {0, 0.5, 0.5, 0}, {0, -0.5, 0.5, 0}}};
};

/// A linear map between lines of values: out[i] (+)= Σⱼ matrix[i][j]·in[j].
template <class T>
struct LineMap {
  static constexpr int most = 6;

  int in = 0, out = 0;
  T matrix[most][most] = {};
  void (*run)(const LineMap&, const T* const* in, T* const* out, index_t count, bool accumulate) = nullptr;

  void apply(const T* const* from, T* const* to, index_t count, bool accumulate) const { run(*this, from, to, count, accumulate); }
};

/// The body of every map: whole vectors only.
template <class T, int bytes, int in>
NASH_ALWAYS_INLINE void apply_map(const LineMap<T>& map, const T* const* from, T* const* to, index_t count, bool accumulate) {
  using Vector = typename VectorOf<T, bytes>::type;
  constexpr index_t lanes = bytes / static_cast<int>(sizeof(T));
  for (index_t at = 0; at < count; at += lanes) {
    Vector inputs[in];
#pragma GCC unroll 6
    for (int j = 0; j < in; ++j) std::memcpy(&inputs[j], from[j] + at, bytes);
    for (int i = 0; i < map.out; ++i) {
      Vector sum = Vector{};
      if (accumulate) std::memcpy(&sum, to[i] + at, bytes);
#pragma GCC unroll 6
      for (int j = 0; j < in; ++j) sum += map.matrix[i][j] * inputs[j];
      std::memcpy(to[i] + at, &sum, bytes);
    }
  }
}
template <class T, int in>
NASH_TARGET_AVX512 void apply_map_avx512(const LineMap<T>& map, const T* const* from, T* const* to, index_t count, bool accumulate) {
  apply_map<T, 64, in>(map, from, to, count, accumulate);
}
template <class T, int in>
NASH_TARGET_AVX2 void apply_map_avx2(const LineMap<T>& map, const T* const* from, T* const* to, index_t count, bool accumulate) {
  apply_map<T, 32, in>(map, from, to, count, accumulate);
}

/// The same for a matrix that is known when this is compiled: its zeros and ones cost nothing, which halves the work, but
/// each matrix takes time to compile.
template <auto& matrix, bool transposed>
struct ConstantMap {
  using Matrix = std::remove_cvref_t<decltype(matrix)>;
  static constexpr int in = transposed ? Matrix::rows : Matrix::columns, out = transposed ? Matrix::columns : Matrix::rows;

  static constexpr double at(int i, int j) { return transposed ? matrix.values[j][i] : matrix.values[i][j]; }

  template <int i, class Vector, int... js>
  static NASH_ALWAYS_INLINE void add_row(Vector& sum, const Vector* inputs, std::integer_sequence<int, js...>) {
    using T = std::remove_cvref_t<decltype(sum[0])>;
    ((at(i, js) != 0 ? static_cast<void>(sum += static_cast<T>(at(i, js)) * inputs[js]) : static_cast<void>(0)), ...);
  }

  template <class T, int bytes, int... is>
  static NASH_ALWAYS_INLINE void run(const T* const* from, T* const* to, index_t count, bool accumulate, std::integer_sequence<int, is...>) {
    using Vector = typename VectorOf<T, bytes>::type;
    constexpr index_t lanes = bytes / static_cast<int>(sizeof(T));
    for (index_t at = 0; at < count; at += lanes) {
      Vector inputs[in], sums[out] = {};
#pragma GCC unroll 6
      for (int j = 0; j < in; ++j) std::memcpy(&inputs[j], from[j] + at, bytes);
      if (accumulate)
#pragma GCC unroll 6
        for (int i = 0; i < out; ++i) std::memcpy(&sums[i], to[i] + at, bytes);
      (add_row<is>(sums[is], inputs, std::make_integer_sequence<int, in>{}), ...);
#pragma GCC unroll 6
      for (int i = 0; i < out; ++i) std::memcpy(to[i] + at, &sums[i], bytes);
    }
  }
};
template <class T, class Map>
NASH_TARGET_AVX512 void apply_constant_map_avx512(const LineMap<T>&, const T* const* from, T* const* to, index_t count, bool accumulate) {
  Map::template run<T, 64>(from, to, count, accumulate, std::make_integer_sequence<int, Map::out>{});
}

/// The matrices of a minimal filtering F and their transposes as maps, for one instruction set.
template <class T>
struct FilteringMaps {
  LineMap<T> inputs, inputs_adjoint;    ///< Bᵀ, B
  LineMap<T> results, results_adjoint;  ///< Aᵀ, A
  LineMap<T> filter, filter_adjoint;    ///< G, Gᵀ

  template <class F>
  static const FilteringMaps& of(InstructionSet set) {
    static constexpr FilteringMaps avx512 = make<F>(true), avx2 = make<F>(false);
    return set >= InstructionSet::avx512 ? avx512 : avx2;
  }
  /// The same with constant maps of images and results where there is AVX-512: for what is used much.
  template <class F>
  static const FilteringMaps& constant_of(InstructionSet set) {
    static constexpr FilteringMaps maps = with_constant_maps<F>();
    return set >= InstructionSet::avx512 ? maps : of<F>(set);
  }

 private:
  template <class F>
  static constexpr FilteringMaps with_constant_maps() {
    FilteringMaps maps = make<F>(true);
    maps.inputs.run = apply_constant_map_avx512<T, ConstantMap<F::inputs, false>>;
    maps.inputs_adjoint.run = apply_constant_map_avx512<T, ConstantMap<F::inputs, true>>;
    maps.results.run = apply_constant_map_avx512<T, ConstantMap<F::results, true>>;
    maps.results_adjoint.run = apply_constant_map_avx512<T, ConstantMap<F::results, false>>;
    return maps;
  }
  template <class F>
  static constexpr FilteringMaps make(bool avx512) {
    return {map(F::inputs, false, avx512), map(F::inputs, true, avx512), map(F::results, true, avx512),
            map(F::results, false, avx512), map(F::filter, false, avx512), map(F::filter, true, avx512)};
  }

  template <int rows, int columns>
  static constexpr LineMap<T> map(const ConstantMatrix<rows, columns>& matrix, bool transposed, bool avx512) {
    LineMap<T> map{.in = transposed ? rows : columns, .out = transposed ? columns : rows};
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) (transposed ? map.matrix[j][i] : map.matrix[i][j]) = static_cast<T>(matrix.values[i][j]);
    constexpr decltype(map.run) narrow[] = {apply_map_avx2<T, 1>, apply_map_avx2<T, 2>, apply_map_avx2<T, 3>,
                                            apply_map_avx2<T, 4>, apply_map_avx2<T, 5>, apply_map_avx2<T, 6>};
    constexpr decltype(map.run) wide[] = {apply_map_avx512<T, 1>, apply_map_avx512<T, 2>, apply_map_avx512<T, 3>,
                                          apply_map_avx512<T, 4>, apply_map_avx512<T, 5>, apply_map_avx512<T, 6>};
    map.run = (avx512 ? wide : narrow)[map.in - 1];
    return map;
  }
};

}  // namespace nash::cpu
