// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "nash/tensor/tensor.hpp"

namespace nash {

/// What one training step consumes: some images of a dataset, and their labels where it has any.
template <class T = float, class Device = Cpu>
struct Batch {
  Tensor<T, Device> images;          ///< N×H×W×C in [-1, 1], or as LoaderOptions say
  std::vector<std::int32_t> labels;  ///< N of them, or none
  index_t classes = 0;               ///< of the dataset: more than any of its labels
  index_t epoch = 0;                 ///< how often the whole dataset was gone through before
};

}  // namespace nash
