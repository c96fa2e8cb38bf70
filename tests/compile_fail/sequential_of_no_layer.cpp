// expect: what a Sequential holds must be a layer
#include "nash/nn/dense.hpp"
#include "nash/nn/sequential.hpp"

struct NoLayer {
  using Scalar = float;
  using Device = nash::Cpu;
  struct Saved {};
  static constexpr bool couples_samples = false, curved = false;
};

int main() {
  nash::Sequential good{nash::Dense{2, 3}};
#if NASH_COMPILE_FAIL
  nash::Sequential bad{nash::Dense{2, 3}, NoLayer{}};
#endif
}
