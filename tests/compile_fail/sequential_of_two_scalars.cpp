// expect: all layers of a Sequential have one scalar type
#include "nash/nn/dense.hpp"
#include "nash/nn/sequential.hpp"

int main() {
  nash::Sequential good{nash::Dense<double>{2, 3}, nash::Dense<double>{3, 1}};
#if NASH_COMPILE_FAIL
  nash::Sequential bad{nash::Dense<double>{2, 3}, nash::Dense<float>{3, 1}};
#endif
}
