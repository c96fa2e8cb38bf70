// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/stopwatch.hpp"

namespace benchmark {

/// One way of computing something.
struct Contender {
  std::string name;
  std::function<void()> run;                   ///< what is timed
  std::function<std::vector<float>()> result;  ///< runs it once more and gives the result in nash's layout
  std::function<double(int)> time = {};        ///< seconds of so many runs, from whoever times itself

  double seconds(int repeats) const {
    if (time) return time(repeats);
    const Stopwatch stopwatch;
    for (int repeat = 0; repeat < repeats; ++repeat) run();
    return stopwatch.seconds();
  }
};

}  // namespace benchmark
