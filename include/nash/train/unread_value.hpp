// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/error.hpp"

namespace nash {

/// A number of a step that the host looks at when the step is over, on a GPU: a factor times a value that is read then.
struct UnreadValue {
  enum class Kind { real_loss, real_probability, fake_loss, fake_probability, generator_loss, added_term, counted, gradient_norm };

  Kind kind;
  index_t reading;       ///< which of the values that are read, from 0; below 0: none is, and the factor is the number
  double factor = 1;
  double* to = nullptr;  ///< what a number that is counted is added to
};

}  // namespace nash
