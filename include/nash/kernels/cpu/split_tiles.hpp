// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "nash/kernels/cpu/product_operands.hpp"

namespace nash::cpu {

/// Products of floats on tile registers (Intel AMX), which multiply bfloat16 and add up in float, at sixteen times the rate of multiply-adds.
///
/// A float is the sum of three bfloat16, x = x₀ + x₁ + x₂: x rounded to 8 bits, what is left of it rounded so, and the rest, which needs no
/// more than 8. Of the nine products of two such sums six are made, the smallest first,
///
///     x·y ≈ x₂y₀ + x₁y₀ + x₁y₁ + x₀y₁ + x₀y₂ + x₀y₀,
///
/// and what is left out is below 2⁻²³ of x·y, no more than floats round their sums by (Henry, Tang and Heinecke 2019, "Leveraging the
/// bfloat16 artificial intelligence datatype for higher-precision computations"). Infinities, and values above 3.396·10³⁸, which round to them,
/// come out as NaN, since ∞ − ∞ is left of them; parts and products below 2⁻¹²⁶ count as zero, so that values below 2⁻¹¹⁰ lose bits.
namespace split {

inline constexpr index_t tile_edge = 16;                         // rows of a register, and the columns of a tile of C
inline constexpr index_t block_depth = 32;                       // values of k in one
inline constexpr index_t parts = 3;
inline constexpr index_t tile_values = tile_edge * block_depth;  // bfloat16
inline constexpr index_t group_values = parts * tile_values;     // the three tiles of 16 rows or columns
inline constexpr index_t panel_rows = 2 * tile_edge, panel_columns = 2 * tile_edge;
inline constexpr index_t product_values = panel_rows * panel_columns;
inline constexpr index_t most_blocks = 16;                       // of k in a slice of a product of matrices

/// How full tiles are that hold so much along an edge, and what they should be at least: below it vectors are no slower.
inline double filled(index_t size, index_t edge) { return static_cast<double>(size) / static_cast<double>(round_up(size, edge)); }
inline constexpr double least_filled = 0.6;

/// Whether so many equal tasks keep all threads busy.
inline bool is_balanced(index_t tasks, index_t threads) { return tasks % threads == 0 || tasks >= 4 * threads; }

using Bfloat16 = std::uint16_t;
using Floats = VectorOf<float, 64>::type;
using Words = VectorOf<std::uint32_t, 64>::type;

/// Takes the upper half of each value away, a bfloat16 rounded to the nearest.
NASH_ALWAYS_INLINE void take_leading_part(Floats& x, Words& part) {
  std::memcpy(&part, &x, sizeof part);
  part = (part + 0x8000u) & 0xffff0000u;
  Floats value;
  std::memcpy(&value, &part, sizeof value);
  x -= value;
}

/// A row of a tile: of each two values the upper halves, side by side.
NASH_ALWAYS_INLINE void store_pairs(const Words& low, const Words& high, Bfloat16* to) {
  const Words pairs = low >> 16 | high;
  std::memcpy(to, &pairs, sizeof pairs);
}

/// One row of three tiles from 32 values, the i-th and the (16 + i)-th side by side. Both operands order k so, and nothing has to be shuffled.
NASH_ALWAYS_INLINE void store_parts(const float* from, const float* from_second, Bfloat16* to) {
  Floats first, second;
  Words low, high;
  std::memcpy(&first, from, sizeof first), std::memcpy(&second, from_second, sizeof second);
  for (index_t part = 0; part < parts - 1; ++part, to += tile_values) {
    take_leading_part(first, low), take_leading_part(second, high);
    store_pairs(low, high, to);
  }
  std::memcpy(&low, &first, sizeof low), std::memcpy(&high, &second, sizeof high);
  store_pairs(low, high, to);
}

/// Rows of the left operand: row i of the tiles from 32 values at rows[i].
NASH_TARGET_AVX512 inline void split_rows(const float* const* rows, int count, Bfloat16* to) {
  for (int i = 0; i < count; ++i) store_parts(rows[i], rows[i] + tile_edge, to + i * block_depth);
}

/// 16 columns of the right operand, 32 rows of it: row i of the tiles from row i of the first sixteen and row i of the second, each `step` apart.
NASH_TARGET_AVX512 inline void split_columns(const float* first, const float* second, index_t step, Bfloat16* to) {
  for (index_t i = 0; i < tile_edge; ++i) store_parts(first + i * step, second + i * step, to + i * block_depth);
}

/// A block of k that is multiplied.
struct Block {
  const Bfloat16 *upper, *lower;  ///< of A, three tiles of 16 rows and three of the next 16
  index_t right;                  ///< of B: the blocks of its 16 or 32 columns before this one
};

/// While it lives, the calling thread has eight registers, of 16 rows with 64 bytes each or less: 0 to 3 for C, 4 and 5 for A, 6 and 7 for B.
class TileRegisters {
 public:
  /// For so many rows of A and C, and so many pairs of values of k.
  explicit TileRegisters(index_t rows = tile_edge, index_t pairs = block_depth / 2) {
    [[maybe_unused]] struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } configuration;
    for (int tile = 0; tile < 6; ++tile) configuration.rows[tile] = static_cast<std::uint8_t>(rows);
    for (int tile = 4; tile < 6; ++tile) configuration.row_bytes[tile] = static_cast<std::uint16_t>(4 * pairs);
    for (int tile = 6; tile < 8; ++tile) configuration.rows[tile] = static_cast<std::uint8_t>(pairs);
    NASH_TILE_ASM("ldtilecfg %0" : : "m"(configuration));
  }
  ~TileRegisters() { NASH_TILE_ASM("tilerelease"); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

/// Register `tile` := its rows, so many bytes apart in memory.
template <int tile>
NASH_ALWAYS_INLINE void load_tile([[maybe_unused]] const void* from, [[maybe_unused]] index_t step = block_depth * index_t{sizeof(Bfloat16)}) {
  NASH_TILE_ASM("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step), "i"(tile) : "memory");
}

/// C += A·B for three registers.
template <int c, int a, int b>
NASH_ALWAYS_INLINE void multiply_add_tile() {
  NASH_TILE_ASM("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
}

/// Register `tile` := 0.
template <int tile>
NASH_ALWAYS_INLINE void clear_tile() {
  NASH_TILE_ASM("tilezero %%tmm%c0" : : "i"(tile));
}

/// The sums of register `tile`, its rows so many bytes apart in memory.
template <int tile>
NASH_ALWAYS_INLINE void store_tile([[maybe_unused]] float* to, [[maybe_unused]] index_t step = panel_columns * index_t{sizeof(float)}) {
  NASH_TILE_ASM("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(step), "i"(tile) : "memory");
}

/// Storing a tile takes the arithmetic of 512-bit vectors, which sleeps when it has nothing to do for half a microsecond, and takes long to wake.
NASH_ALWAYS_INLINE void keep_vectors_awake() { NASH_TILE_ASM("vxorps %%xmm15, %%xmm15, %%xmm15\n\tvaddps %%zmm15, %%zmm15, %%zmm15" : : : "xmm15"); }

/// to[32][32] := A·B over the listed blocks of k, for `halves_m` × `halves_n` tiles of 16×16. Registers 0 to 3 are C, 4 and 5 A, 6 and 7 B.
template <int halves_m, int halves_n>
void multiply_blocks(const Block* blocks, int count, const Bfloat16* b, float* to) {
  const auto load_a = [](const Block& block, index_t part) __attribute__((always_inline)) {
    load_tile<4>(block.upper + part * tile_values);
    if constexpr (halves_m == 2) load_tile<5>(block.lower + part * tile_values);
  };
  const auto load_b = [](const Bfloat16* from) __attribute__((always_inline)) {
    load_tile<6>(from);
    if constexpr (halves_n == 2) load_tile<7>(from + group_values);
  };
  const auto multiply = []() __attribute__((always_inline)) {
    multiply_add_tile<0, 4, 6>();
    if constexpr (halves_n == 2) multiply_add_tile<1, 4, 7>();
    if constexpr (halves_m == 2) multiply_add_tile<2, 5, 6>();
    if constexpr (halves_m == 2 && halves_n == 2) multiply_add_tile<3, 5, 7>();
  };
  clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>();
  for (const Block *block = blocks, *end = blocks + count; block != end; ++block) {
    const Bfloat16* const right = b + block->right * (halves_n * group_values);
    load_b(right), load_a(*block, 2), multiply();
    load_a(*block, 1), multiply();
    load_b(right + tile_values), multiply();
    load_a(*block, 0), multiply();
    load_b(right + 2 * tile_values), multiply();
    load_b(right), multiply();
    keep_vectors_awake();
  }
  store_tile<0>(to);
  if constexpr (halves_n == 2) store_tile<1>(to + tile_edge);
  if constexpr (halves_m == 2) store_tile<2>(to + tile_edge * panel_columns);
  if constexpr (halves_m == 2 && halves_n == 2) store_tile<3>(to + tile_edge * panel_columns + tile_edge);
}

/// The same for a product of `tall` × `wide` halves, 1 or 2 each.
inline void multiply_blocks(bool tall, bool wide, const Block* blocks, int count, const Bfloat16* b, float* to) {
  if (tall)
    wide ? multiply_blocks<2, 2>(blocks, count, b, to) : multiply_blocks<2, 1>(blocks, count, b, to);
  else
    wide ? multiply_blocks<1, 2>(blocks, count, b, to) : multiply_blocks<1, 1>(blocks, count, b, to);
}

/// c[i][offset + j] (+)= from[i][j] + bias[j] for `rows` rows of a product.
NASH_TARGET_AVX512 inline void put_rows(const float* from, float* const* c, index_t rows, index_t offset, index_t columns, const float* bias, bool accumulate) {
  const index_t whole = columns / tile_edge * tile_edge;
  for (index_t i = 0; i < rows; ++i, from += panel_columns) {
    float* const to = c[i] + offset;
    const float* const start = accumulate ? to : bias;
    for (index_t j = 0; j < whole; j += tile_edge) {
      Floats sum, term;
      std::memcpy(&sum, from + j, sizeof sum);
      if (start != nullptr) std::memcpy(&term, start + j, sizeof term), sum += term;
      std::memcpy(to + j, &sum, sizeof sum);
    }
    for (index_t j = whole; j < columns; ++j) to[j] = start != nullptr ? from[j] + start[j] : from[j];
  }
}

/// sums[32][32] += product[32][32].
NASH_TARGET_AVX512 inline void add_product(const float* product, float* sums) {
  for (index_t i = 0; i < product_values; i += tile_edge) {
    Floats sum, term;
    std::memcpy(&sum, sums + i, sizeof sum), std::memcpy(&term, product + i, sizeof term);
    sum += term;
    std::memcpy(sums + i, &sum, sizeof sum);
  }
}

}  // namespace split
}  // namespace nash::cpu
