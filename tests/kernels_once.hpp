// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/conv2d.hpp"

// The Cpu device's products are compiled by kernels_once.cpp alone: they were a third of what compiling every other test took.
#define NASH_TEST_TILES(instance, T)                                            \
  instance void nash::cpu::multiply_tile_avx512<T, 1>(const nash::cpu::Tile<T>&);   \
  instance void nash::cpu::multiply_tile_avx512<T, 2>(const nash::cpu::Tile<T>&);   \
  instance void nash::cpu::multiply_tile_avx512<T, 3>(const nash::cpu::Tile<T>&);   \
  instance void nash::cpu::multiply_tile_avx2<T, 1>(const nash::cpu::Tile<T>&);     \
  instance void nash::cpu::multiply_tile_avx2<T, 2>(const nash::cpu::Tile<T>&);     \
  instance void nash::cpu::multiply_tile_baseline<T, 1>(const nash::cpu::Tile<T>&); \
  instance void nash::cpu::multiply_tile_baseline<T, 2>(const nash::cpu::Tile<T>&); \
  instance class nash::cpu::PackedProduct<T>;

#define NASH_TEST_KERNELS(instance) \
  NASH_TEST_TILES(instance, float)  \
  NASH_TEST_TILES(instance, double) \
  instance class nash::cpu::FilteringLayout<float>;   \
  instance class nash::cpu::FilteringProducts<float>; \
  instance class nash::cpu::Winograd<float>;

NASH_TEST_KERNELS(extern template)
