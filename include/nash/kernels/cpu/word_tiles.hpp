// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <type_traits>

#include "nash/kernels/cpu/split_tiles.hpp"

namespace nash::cpu::split {

/// Products of floats on tile registers, for sums of so few values that tiles of each part would not be filled: here two parts of a value stand
/// side by side in a word, as one pair of values of k, and meet two parts in a word of the other operand,
///
///     (x₁, x₀)·(y₀, y₀)    (x₁, x₀)·(y₁, y₁)    (x₂, x₀)·(y₀, y₂)
///
/// which are the six products of split_tiles.hpp. One operand has two words a value, the other three.
using Word = std::uint32_t;
inline constexpr index_t forms = 3;                               // of a value in the operand with three words
inline constexpr index_t word_tile_values = tile_edge * tile_edge;
inline constexpr index_t columns_at_once = 4;                      // tiles of C side by side

/// The words (x₁, x₀) and (x₂, x₀) of a multiple of sixteen values.
NASH_TARGET_AVX512 inline void split_words(const float* from, index_t count, Word* middle, Word* low) {
  for (index_t i = 0; i < count; i += tile_edge) {
    Floats rest;
    Words first, second, word;
    std::memcpy(&rest, from + i, sizeof rest);
    take_leading_part(rest, first), take_leading_part(rest, second);
    word = first | second >> 16;
    std::memcpy(middle + i, &word, sizeof word);
    std::memcpy(&word, &rest, sizeof word);
    word = first | word >> 16;
    std::memcpy(low + i, &word, sizeof word);
  }
}

/// The words (x₀, x₂), (x₁, x₁) and (x₀, x₀) of sixteen values, `step` apart.
NASH_TARGET_AVX512 inline void split_forms(const float* from, Word* to, index_t step) {
  Floats rest;
  Words first, second, word;
  std::memcpy(&rest, from, sizeof rest);
  take_leading_part(rest, first), take_leading_part(rest, second);
  std::memcpy(&word, &rest, sizeof word);
  word |= first >> 16;
  std::memcpy(to, &word, sizeof word);
  word = second | second >> 16;
  std::memcpy(to + step, &word, sizeof word);
  word = first | first >> 16;
  std::memcpy(to + 2 * step, &word, sizeof word);
}

/// Calls f with 0, 1, … as constants.
template <int count, class F>
NASH_ALWAYS_INLINE void for_tiles(const F& f) {
  if constexpr (count > 0) for_tiles<count - 1>(f), f(std::integral_constant<int, count - 1>{});
}

/// An operand of two words a value, (x₁, x₀) and (x₂, x₀): where its rows begin, and how many bytes apart.
struct WordRows {
  const Word *middle, *low;
  index_t step;
};

/// c := A·B + starts for 16 rows or less and 16·tiles columns. Of A, `depth` values for each of the blocks of k; of B, for each of them,
/// [form][tile][value of k][column]. Meanwhile the next so many rows of C are fetched, a few lines of the cache for each product of tiles: all at
/// once, they would wait for each other.
template <int tiles>
void multiply_words(const WordRows& a, index_t blocks, index_t depth, const Word* b, const float* starts, float* c, index_t c_step, index_t rows) {
  const index_t row = c_step / index_t{sizeof(float)}, fetched = divide_up(rows, forms * blocks);
  const float* next = c + rows * row;
  const auto fetch = [&](int tile) __attribute__((always_inline)) {
    for (index_t i = 0; i < fetched; ++i) __builtin_prefetch(next + i * row + tile_edge * tile, 1, 3);
  };
  for_tiles<tiles>([&](auto tile) __attribute__((always_inline)) { load_tile<tile.value>(starts + tile_edge * tile.value, 0); });
  const Word *middle = a.middle, *low = a.low;
  for (; blocks > 0; --blocks, middle += depth, low += depth, b += forms * tiles * word_tile_values) {
    load_tile<4>(low, a.step);
    for_tiles<tiles>([&](auto tile) __attribute__((always_inline)) {
      load_tile<6>(b + tile.value * word_tile_values);
      multiply_add_tile<tile.value, 4, 6>();
      fetch(tile.value);
    });
    next += fetched * row;
    load_tile<5>(middle, a.step);
    for_tiles<tiles>([&](auto tile) __attribute__((always_inline)) {
      load_tile<7>(b + (tiles + tile.value) * word_tile_values);
      multiply_add_tile<tile.value, 5, 7>();
      fetch(tile.value);
    });
    next += fetched * row;
    for_tiles<tiles>([&](auto tile) __attribute__((always_inline)) {
      load_tile<6>(b + (2 * tiles + tile.value) * word_tile_values);
      multiply_add_tile<tile.value, 5, 6>();
      fetch(tile.value);
    });
    next += fetched * row;
    keep_vectors_awake();
  }
  for_tiles<tiles>([&](auto tile) __attribute__((always_inline)) { store_tile<tile.value>(c + tile_edge * tile.value, c_step); });
}

}  // namespace nash::cpu::split
