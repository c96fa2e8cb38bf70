// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"

namespace nash::cpu {

/// The most rows and vectors that any micro-kernel has.
inline constexpr int max_tile_rows = 8, max_tile_vectors = 3;

/// A run of k along which every row of a tile's left operand goes on evenly: row i has rows[i][0], rows[i][stride], … there.
/// The rows may lie anywhere: in a matrix, in an image, or in a row of zeros beside it.
template <class T>
struct Segment {
  index_t begin, count;
  const T* rows[max_tile_rows];
};

/// One tile of a matrix product, small enough that its sums stay in registers: C[i][j] (+)= Σ_k A[i][k]·B[k][j].
///
/// k runs over the segments alone: what lies between them is zero in A, such as the padding of an image, and costs nothing.
template <class T>
struct Tile {
  const Segment<T>* segments;
  int segment_count;
  index_t stride;     ///< of A, from one k to the next
  const T* b;         ///< row k of the tile's columns begins at b + k·b_step
  index_t b_step;
  T* const* c;        ///< the start of each row of C
  const T* bias;      ///< what the sums start from, or null for zero
  bool accumulate;    ///< the sums start from C instead
  const T* ahead = nullptr;   ///< what another tile will read: is fetched into the second cache meanwhile, `ahead_step` values for each k
  index_t ahead_step = 0;
  index_t results_ahead = -1;  ///< C is far away: what lies so many values behind the tile's rows in it is fetched meanwhile; negative: nothing
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

  if (tile.results_ahead >= 0) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < vectors; ++j) __builtin_prefetch(tile.c[i] + tile.results_ahead + j * lanes, 1, 3);
  }

  const T* ahead = tile.ahead != nullptr ? tile.ahead : tile.b;  // of what is there already: the loop has no branch for it
  const Segment<T>* const end = tile.segments + tile.segment_count;
  for (const Segment<T>* segment = tile.segments; segment != end; ++segment) {
    const T* a[rows];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) a[i] = segment->rows[i];
    const T* b = tile.b + segment->begin * tile.b_step;
    const auto multiply_one = [&](index_t at) __attribute__((always_inline)) {
      Vector right[vectors];
#pragma GCC unroll 3
      for (int j = 0; j < vectors; ++j) std::memcpy(&right[j], b + j * lanes, bytes);
#pragma GCC unroll 8
      for (int i = 0; i < rows; ++i) {
        const T left = a[i][at];
#pragma GCC unroll 3
        for (int j = 0; j < vectors; ++j) sums[i][j] += left * right[j];
      }
    };
    // The empty asm hides from the compiler what the offset is: it would move a pointer for each row, on ports that multiply-adds need.
    index_t at = 0, k = segment->count;
    for (; bytes > 16 && k >= 4; k -= 4) {  // a fetch ahead takes the place of a load, so that not every k can have one
      __builtin_prefetch(ahead, 0, 2);
      ahead += 4 * tile.ahead_step;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i, at += tile.stride, b += tile.b_step) {
        asm("" : "+r"(at));
        multiply_one(at);
      }
    }
    for (; k > 0; --k, at += tile.stride, b += tile.b_step) {
      asm("" : "+r"(at));
      multiply_one(at);
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
  static constexpr int max_columns = 64 / static_cast<int>(sizeof(T)) * max_tile_vectors;

  int rows, lanes, vectors;
  void (*multiply[max_tile_vectors])(const Tile<T>&);

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
    case InstructionSet::amx:  // where its tiles do not suit
    case InstructionSet::avx512:
      return {8, 64 / size, 3, {multiply_tile_avx512<T, 1>, multiply_tile_avx512<T, 2>, multiply_tile_avx512<T, 3>}};
    case InstructionSet::avx2:
      return {6, 32 / size, 2, {multiply_tile_avx2<T, 1>, multiply_tile_avx2<T, 2>, nullptr}};
    case InstructionSet::baseline: break;
  }
  return {6, 16 / size, 2, {multiply_tile_baseline<T, 1>, multiply_tile_baseline<T, 2>, nullptr}};
}

}  // namespace nash::cpu
