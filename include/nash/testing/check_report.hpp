// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "nash/testing/check_options.hpp"

namespace nash::testing {

/// What a check found. Use it as REQUIRE_MESSAGE(report.ok, report.text).
struct CheckReport {
  bool ok = true;
  std::string text;        ///< what failed, a line each, or what was checked
  index_t checked = 0;     ///< derivatives compared
  index_t skipped = 0;     ///< derivatives that do not exist there: the function has a kink within the step
  double worst_error = 0;  ///< relative
  std::string worst;       ///< where: "grads of '2.weight'[17]: analytic 0.214, numeric 0.198 (h = 1e-05)"

  void fail(std::string_view what) {
    ok = false;
    text += concat({text.empty() ? "" : "\n", what});
  }
  void require(bool holds, std::string_view what) {
    if (!holds) fail(what);
  }

  /// Takes note of a derivative; NaN counts as infinitely wrong.
  void compare(double error, const std::string& what) {
    ++checked;
    if (error <= worst_error) return;
    worst_error = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    worst = what;
  }

  /// Decides on the derivatives noted.
  CheckReport& finish(const CheckOptions& options) {
    if (checked == 0) fail("nothing was compared: give a shape with elements, and .elements of at least 1");
    if (!(worst_error <= options.tolerance)) fail(concat({worst, ": relative error ", worst_error}));
    if (static_cast<double>(skipped) > std::max(1.0, options.allowed_skips * static_cast<double>(checked + skipped)))
      fail(concat({skipped, " of ", checked + skipped, " derivatives lie at a kink: choose another seed or a smaller step"}));
    if (ok) text = concat({checked, " derivatives agree, ", skipped, " at a kink; worst relative error ", worst_error, " (", worst, ")"});
    return *this;
  }
};

}  // namespace nash::testing
