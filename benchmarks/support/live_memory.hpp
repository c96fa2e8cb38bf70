// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace benchmark {

/// MiB that this program has from operator new now, and the most that it had at once since the last reset. Tensors and scratch
/// memory come from there, and all else in a training program is small.
double live_memory();
double most_live_memory();
void reset_most_live_memory();

/// MiB that the process had resident at most, code and libraries included.
double peak_memory();

}  // namespace benchmark
