// SPDX-License-Identifier: Apache-2.0
#include "peers/eigen_product.hpp"

#include <Eigen/Core>

namespace benchmark {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Left, class Right>
void multiply(bool accumulate, const Left& a, const Right& b, Eigen::Map<Matrix>& c) {
  if (accumulate)
    c.noalias() += a * b;
  else
    c.noalias() = a * b;
}

}  // namespace

void eigen_product(long m, long n, long k, bool transpose_a, bool transpose_b, bool accumulate, const float* a, const float* b, float* c) {
  const Eigen::Map<const Matrix> left(a, transpose_a ? k : m, transpose_a ? m : k), right(b, transpose_b ? n : k, transpose_b ? k : n);
  Eigen::Map<Matrix> result(c, m, n);
  if (transpose_a && transpose_b)
    multiply(accumulate, left.transpose(), right.transpose(), result);
  else if (transpose_a)
    multiply(accumulate, left.transpose(), right, result);
  else if (transpose_b)
    multiply(accumulate, left, right.transpose(), result);
  else
    multiply(accumulate, left, right, result);
}

void set_eigen_threads(int threads) { Eigen::setNbThreads(threads); }

#define NASH_TEXT_OF(x) #x
#define NASH_TEXT(x) NASH_TEXT_OF(x)
const char* eigen_version() { return NASH_TEXT(EIGEN_WORLD_VERSION) "." NASH_TEXT(EIGEN_MAJOR_VERSION) "." NASH_TEXT(EIGEN_MINOR_VERSION); }

}  // namespace benchmark
