// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"

namespace nash::testing {

/// How the checks of this folder probe a layer.
struct CheckOptions {
  Mode mode = Mode::train;
  std::uint64_t seed = 1;         ///< of the input, the cotangents and the parameters
  double step = 1e-5;             ///< h of the central differences (f(x + h) − f(x − h)) / 2h
  double tolerance = 1e-6;        ///< of the relative error, see compare_with_differences
  index_t elements = 300;         ///< checked of each tensor at most, spread evenly over it
  double allowed_skips = 0.05;    ///< the share of the elements that may lie at a kink
  bool draw_parameters = true;    ///< false: check with those that the layer has
  index_t classes = 4;            ///< of the samples' labels, which are i mod classes, for layers that depend on them
};

}  // namespace nash::testing
