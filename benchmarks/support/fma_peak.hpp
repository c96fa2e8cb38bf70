// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/platform.hpp"

namespace benchmark {

/// The processor's limit for float arithmetic as a loop of multiply-adds shows it whose operands all stay in registers: 12
/// independent sums, enough to hide the latency of one. A test looks at the loop's disassembly.
class FmaPeak {
 public:
  FmaPeak(nash::InstructionSet set, int threads) : set_(set), threads_(threads) {}

  /// GFLOP/s now, a multiply-add being two operations, from about `milliseconds` on all threads at once.
  double measure(double milliseconds) const;

 private:
  nash::InstructionSet set_;
  int threads_;
};

}  // namespace benchmark
