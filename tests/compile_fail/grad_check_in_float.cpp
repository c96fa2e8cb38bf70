// expect: checks need a layer in double
#include "nash/nn/dense.hpp"
#include "nash/testing/grad_check.hpp"

int main() {
  const auto good = nash::testing::grad_check(nash::Dense<double>{2, 3}, {4, 2});
#if NASH_COMPILE_FAIL
  const auto bad = nash::testing::grad_check(nash::Dense{2, 3}, {4, 2});
#endif
}
