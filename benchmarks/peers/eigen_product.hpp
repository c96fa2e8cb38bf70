// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace benchmark {

/// c := op(a)·op(b), or c += op(a)·op(b), by Eigen; op(a) is m×k. Its source is the only one that is compiled for the processor
/// at hand, and so includes no header of nash: the linker might take nash's inline functions from there.
void eigen_product(long m, long n, long k, bool transpose_a, bool transpose_b, bool accumulate, const float* a, const float* b, float* c);

void set_eigen_threads(int threads);
const char* eigen_version();

}  // namespace benchmark
