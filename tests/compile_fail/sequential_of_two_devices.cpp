// expect: all layers of a Sequential are on one device
#include "nash/nn/dense.hpp"
#include "nash/nn/sequential.hpp"

int main() {
  nash::Sequential good{nash::Dense{2, 3}, nash::Dense{3, 1}};
#if NASH_COMPILE_FAIL
  nash::Sequential bad{nash::Dense{2, 3}, nash::Dense<float, nash::Reference>{3, 1}};
#endif
}
