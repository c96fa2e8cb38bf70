// SPDX-License-Identifier: Apache-2.0
#include "support/fma_peak.hpp"

#include "support/stopwatch.hpp"

namespace {

constexpr int sums_at_once = 12;

template <int bytes>
struct VectorOf {
  typedef float type __attribute__((vector_size(bytes)));
};

template <int bytes>
NASH_ALWAYS_INLINE float multiply_adds(long rounds) {
  using Vector = typename VectorOf<bytes>::type;
  // The sums tend to 1000: neither infinite nor denormal, which would be slow.
  const Vector factor = Vector{} + 0.999f, summand = Vector{} + 1.0f;
  Vector sums[sums_at_once];
#pragma GCC unroll 12
  for (int i = 0; i < sums_at_once; ++i) sums[i] = Vector{} + static_cast<float>(i);
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < sums_at_once; ++i) sums[i] = sums[i] * factor + summand;
  }
  Vector total{};
#pragma GCC unroll 12
  for (int i = 0; i < sums_at_once; ++i) total += sums[i];
  return total[0];
}

}  // namespace

// With plain names, so that the test finds them in the program.
extern "C" {
__attribute__((noinline)) float nash_fma_peak_baseline(long rounds) { return multiply_adds<16>(rounds); }
#if NASH_X86
NASH_TARGET_AVX2 __attribute__((noinline)) float nash_fma_peak_avx2(long rounds) { return multiply_adds<32>(rounds); }
NASH_TARGET_AVX512 __attribute__((noinline)) float nash_fma_peak_avx512(long rounds) { return multiply_adds<64>(rounds); }
#endif
}

namespace benchmark {

double FmaPeak::measure(double milliseconds) const {
  float (*loop)(long) = nash_fma_peak_baseline;
  long lanes = 4;
#if NASH_X86
  if (set_ == nash::InstructionSet::avx2) loop = nash_fma_peak_avx2, lanes = 8;
  if (set_ >= nash::InstructionSet::avx512) loop = nash_fma_peak_avx512, lanes = 16;
#endif
  // A round of 12 takes 6 cycles where two can begin in each: some 2 ns. Slower processors take longer than asked for.
  const long rounds = static_cast<long>(milliseconds * 4e5);
  float sink = 0;
  const Stopwatch stopwatch;
#pragma omp parallel num_threads(threads_) reduction(+ : sink)
  sink += loop(rounds);
  const double seconds = stopwatch.seconds();
  const volatile float kept = sink;
  (void)kept;
  return static_cast<double>(threads_) * static_cast<double>(rounds) * 2 * sums_at_once * static_cast<double>(lanes) / seconds / 1e9;
}

}  // namespace benchmark
