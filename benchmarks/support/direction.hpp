// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace benchmark {

/// The three products of a linear layer. A transposed convolution's forward is backward_data, and the reverse.
enum class Direction { forward, backward_data, backward_weights };

inline constexpr Direction directions[] = {Direction::forward, Direction::backward_data, Direction::backward_weights};

constexpr const char* name_of(Direction direction) {
  return direction == Direction::forward ? "forward" : direction == Direction::backward_data ? "backward_data" : "backward_weights";
}

}  // namespace benchmark
