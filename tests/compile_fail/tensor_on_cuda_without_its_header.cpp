// expect: this device has no kernels here: include <nash/cuda.hpp> and compile this file with nvcc, or use Cpu
#include "nash/tensor/tensor.hpp"

int main() {
  nash::Tensor<float, nash::Cpu> here(nash::Shape{2, 3});
#if NASH_COMPILE_FAIL
  nash::Tensor<float, nash::Cuda> there(nash::Shape{2, 3});
#endif
}
