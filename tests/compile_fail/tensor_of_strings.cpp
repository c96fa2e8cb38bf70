// expect: tensors hold plain numbers
#include <string>

#include "nash/tensor/tensor.hpp"

int main() {
  nash::Tensor<double> numbers(nash::Shape{2});
#if NASH_COMPILE_FAIL
  nash::Tensor<std::string> words(nash::Shape{2});
#endif
}
