// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace benchmark {

/// One way of computing something.
struct Contender {
  std::string name;
  std::function<void()> run;                   ///< what is timed
  std::function<std::vector<float>()> result;  ///< runs it once more and gives the result in nash's layout
};

}  // namespace benchmark
