// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>

#include "nash/core/error.hpp"
#include "support/live_memory.hpp"

namespace benchmark {

/// The losses of a training step; of generation there are none.
struct Losses {
  double discriminator = 0, generator = 0;
  bool any = true;
};

/// How often a program for compare_steps.py runs its step.
struct Rounds {
  std::int64_t rounds, steps;    ///< 0 rounds: one for each line of input, so that programs can take turns
  std::string library;           ///< with its version
  std::int64_t parameters_g, parameters_d;
};

/// Runs the rounds and prints what compare_steps.py reads: a line when the first steps are done, one after each round and one at the
/// end. That one says what a step holds at most beside what lasts, which are parameters, their gradients, optimisers and real images,
/// and for most libraries all that is there now: activations, their gradients and scratch memory.
template <class Step>
void run_rounds(const Rounds& options, const Step& step, double lasting_mib = live_memory()) {
  using Clock = std::chrono::steady_clock;
  const auto milliseconds_since = [](Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); };
  const Clock::time_point begin = Clock::now();
  step();
  const double first_step = milliseconds_since(begin);
  for (int i = 0; i < 2; ++i) step();  // before the line, which says that others may have the cores
  // The clock's own time of the beginning, for whoever knows when the process was started.
  std::cout << nash::concat({"{\"library\": \"", options.library, "\", \"begin_ns\": ", std::chrono::nanoseconds(begin.time_since_epoch()).count(),
                            ", \"first_step_ms\": ", first_step, ", \"parameters\": [", options.parameters_g, ", ",
                            options.parameters_d, "]}"})
            << std::endl;
  reset_most_live_memory();
  std::string line;
  for (std::int64_t round = 0; options.rounds == 0 ? !std::getline(std::cin, line).fail() : round < options.rounds; ++round) {
    std::string times;
    Losses losses;
    for (std::int64_t i = 0; i < options.steps; ++i) {
      const Clock::time_point start = Clock::now();
      losses = step();
      times += nash::concat({i == 0 ? "" : ", ", milliseconds_since(start)});
    }
    const std::string said = losses.any ? nash::concat({", \"losses\": [", losses.discriminator, ", ", losses.generator, "]"}) : "";
    std::cout << nash::concat({"{\"milliseconds\": [", times, "], \"peak_memory_mib\": ", peak_memory(), said, "}"}) << std::endl;
  }
  std::cout << nash::concat({"{\"step_memory_mib\": ", most_live_memory() - lasting_mib, "}"}) << std::endl;
}

}  // namespace benchmark
