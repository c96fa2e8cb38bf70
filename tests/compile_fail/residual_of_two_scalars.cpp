// expect: the body and the skip of a Residual have one scalar type
#include "nash/nn/dense.hpp"
#include "nash/nn/residual.hpp"

int main() {
  nash::Residual good{nash::Dense<double>{2, 2}, nash::Dense<double>{2, 2}};
#if NASH_COMPILE_FAIL
  nash::Residual bad{nash::Dense<double>{2, 2}, nash::Dense<float>{2, 2}};
#endif
}
