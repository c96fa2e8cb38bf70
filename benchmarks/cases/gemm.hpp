// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/gemm.hpp"
#include "support/direction.hpp"

namespace benchmark {

/// Square products, which say what the machine and a kernel can do.
inline constexpr nash::index_t square_sizes[] = {512, 1024, 2048};

/// A fully connected layer. Its three products differ in which operand is transposed and in what is summed over.
struct DenseCase {
  const char* name;
  nash::index_t inputs, outputs;

  constexpr nash::GemmGeometry geometry(Direction direction, nash::index_t batch) const {
    if (direction == Direction::forward) return {.m = batch, .n = outputs, .k = inputs, .transpose_b = true};
    if (direction == Direction::backward_data) return {.m = batch, .n = inputs, .k = outputs};
    return {.m = outputs, .n = inputs, .k = batch, .transpose_a = true, .accumulate = true};
  }
};

/// Layers of model/dcgan_dense.hpp and model/mlp.hpp: d, of the discriminator; g, of the generator.
inline constexpr DenseCase dense_cases[] = {
    {"dense28:g1", 100, 1024}, {"dense28:g2", 1024, 6272}, {"dense28:d3", 6272, 1024}, {"mlp:g4", 512, 1024},
    {"mlp:g5", 1024, 784},     {"mlp:d1", 784, 128},       {"mlp:d5", 1024, 1024},
};

}  // namespace benchmark
