// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "nash/train/report.hpp"

namespace example {

/// Shows how training goes: a bar that is drawn over on a terminal, a line now and then elsewhere.
class Progress {
 public:
  Progress(nash::index_t steps, nash::index_t batch_size);

  void show(const nash::StepReport& report);
  /// Ends the line of the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  nash::index_t steps_, batch_size_;
  bool terminal_;
  Clock::time_point begin_, last_shown_;
  nash::index_t next_line_ = 1;  // where there is no terminal
};

}  // namespace example
