// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"

namespace nash::cpu {

/// One tile of a matrix product, small enough that its sums stay in registers: C[i][j] (+)= Σ_k A[i][k]·B[k][j].
///
/// k runs over `taps` runs of `depth` values. Row i of A within a run starts at a[tap·rows + i] and goes on in steps of
/// `stride`, so that the rows may lie anywhere: in a matrix, in an image, or in a row of zeros beside it.
/// B is packed: the tile's columns side by side for k = 0, 1, 2 …, aligned to a vector.
template <class T>
struct Tile {
  index_t taps, depth, stride;
  const T* const* a;
  const T* b;
  T* const* c;        ///< the start of each row of C
  const T* bias;      ///< what the sums start from, or null for zero
  bool accumulate;    ///< the sums start from C instead
};

template <class T, int bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(bytes)));
};

/// The body of every micro-kernel: `rows` × `vectors` vectors of sums. Inlined into functions for an instruction set each.
template <class T, int bytes, int rows, int vectors>
NASH_ALWAYS_INLINE void multiply_tile(const Tile<T>& tile) {
  using Vector = typename VectorOf<T, bytes>::type;
  constexpr int lanes = bytes / static_cast<int>(sizeof(T));
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j)
      if (tile.accumulate)
        std::memcpy(&sums[i][j], tile.c[i] + j * lanes, bytes);
      else if (tile.bias != nullptr)
        std::memcpy(&sums[i][j], tile.bias + j * lanes, bytes);
      else
        sums[i][j] = Vector{};

  const T* b = tile.b;
  for (index_t tap = 0; tap < tile.taps; ++tap) {
    const T* a[rows];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) a[i] = tile.a[tap * rows + i];
    for (index_t d = 0, at = 0; d < tile.depth; ++d, at += tile.stride, b += vectors * lanes) {
      Vector right[vectors];
#pragma GCC unroll 3
      for (int j = 0; j < vectors; ++j) std::memcpy(&right[j], b + j * lanes, bytes);
#pragma GCC unroll 8
      for (int i = 0; i < rows; ++i) {
        const T left = a[i][at];
#pragma GCC unroll 3
        for (int j = 0; j < vectors; ++j) sums[i][j] += left * right[j];
      }
    }
  }

#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) std::memcpy(tile.c[i] + j * lanes, &sums[i][j], bytes);
}

template <class T, int vectors>
NASH_TARGET_AVX512 void multiply_tile_avx512(const Tile<T>& tile) {
  multiply_tile<T, 64, 8, vectors>(tile);
}

template <class T, int vectors>
NASH_TARGET_AVX2 void multiply_tile_avx2(const Tile<T>& tile) {
  multiply_tile<T, 32, 6, vectors>(tile);
}

template <class T, int vectors>
void multiply_tile_baseline(const Tile<T>& tile) {
  multiply_tile<T, 16, 6, vectors>(tile);
}

/// The micro-kernels of one instruction set, by the number of vectors that a tile is wide.
template <class T>
struct TileKernels {
  static constexpr int max_rows = 8;
  static constexpr int max_vectors = 3;
  static constexpr int max_columns = 64 / static_cast<int>(sizeof(T)) * max_vectors;

  int rows, lanes, vectors;
  void (*multiply[max_vectors])(const Tile<T>&);

  /// How many vectors wide the next tile is when so many are left: as wide as can be without leaving a narrow rest.
  int next_width(index_t vectors_left) const {
    if (vectors_left == 4 || vectors == 2) return vectors_left >= 2 ? 2 : 1;
    return static_cast<int>(vectors_left < vectors ? vectors_left : vectors);
  }
};

template <class T>
TileKernels<T> tile_kernels(InstructionSet set) {
  constexpr int size = static_cast<int>(sizeof(T));
  switch (set) {
    case InstructionSet::avx512:
      return {8, 64 / size, 3, {multiply_tile_avx512<T, 1>, multiply_tile_avx512<T, 2>, multiply_tile_avx512<T, 3>}};
    case InstructionSet::avx2:
      return {6, 32 / size, 2, {multiply_tile_avx2<T, 1>, multiply_tile_avx2<T, 2>, nullptr}};
    case InstructionSet::baseline: break;
  }
  return {6, 16 / size, 2, {multiply_tile_baseline<T, 1>, multiply_tile_baseline<T, 2>, nullptr}};
}

}  // namespace nash::cpu
