// expect: SpectralNorm stands around a layer that has weight matrices and lists them in weights()
#include "nash/nash.hpp"

using namespace nash;

int main() {
  SpectralNorm good{Dense{2, 3}};
#if NASH_COMPILE_FAIL
  SpectralNorm bad{ReLU{}};
#endif
}
