// expect: deleted
#include "nash/nn/leaky_relu.hpp"

int main() {
  nash::LeakyReLU layer{0.2};
#if NASH_COMPILE_FAIL
  nash::LeakyReLU in_place{true};
#endif
}
