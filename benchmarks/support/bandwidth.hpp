// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/host.hpp"
#include "nash/tensor/tensor.hpp"
#include "support/median.hpp"
#include "support/stopwatch.hpp"

namespace benchmark {

/// GB/s of main memory: x := y + z over arrays far larger than the caches of a core, three streams counted.
inline double measure_bandwidth(int threads) {
  constexpr nash::index_t count = 12 << 20;  // 48 MiB each
  nash::Tensor<float> x(nash::Shape{count}), y(nash::Shape{count}), z(nash::Shape{count});
  std::vector<double> rates;
  for (int round = 0; round < 6; ++round) {
    const Stopwatch stopwatch;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (nash::index_t i = 0; i < count; ++i) {
      if (round == 0)  // each thread touches its part first
        x.data()[i] = 0, y.data()[i] = 1, z.data()[i] = 2;
      else
        x.data()[i] = y.data()[i] + z.data()[i];
    }
    if (round > 0) rates.push_back(3 * sizeof(float) * static_cast<double>(count) / stopwatch.seconds() / 1e9);
  }
  return median(rates);
}

}  // namespace benchmark
