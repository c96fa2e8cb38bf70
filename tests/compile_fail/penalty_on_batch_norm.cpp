// expect: : BatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use LayerNorm or SpectralNorm in its place
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/testing/penalty_check.hpp"

int main() {
  const auto good = nash::testing::penalty_check(nash::Sequential{nash::Dense<double>{2, 1}}, {4, 2}, 1);
#if NASH_COMPILE_FAIL
  const auto bad = nash::testing::penalty_check(nash::Sequential{nash::BatchNorm<double>{2}, nash::Dense<double>{2, 1}}, {4, 2}, 1);
#endif
}
