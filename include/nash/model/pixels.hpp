// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"

namespace nash {

/// How many values an image of a model has. Throws ShapeError where a size is below 1, or where they are too many to count.
inline index_t count_pixels(std::string_view model, index_t height, index_t width, index_t channels) {
  require_at_least(1, height, model, "a height");
  require_at_least(1, width, model, "a width");
  require_at_least(1, channels, model, "a number of channels");
  return Shape{height, width, channels}.count();
}

}  // namespace nash
