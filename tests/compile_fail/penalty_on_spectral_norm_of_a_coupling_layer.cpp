// expect: : MinibatchDiscrimination couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use MinibatchStdDev in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), spectral_normalise(Discriminator{Sequential{Maxout{4, 3}, MinibatchStdDev{}, Dense{4, 1}}}), Hinge{}, R1{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), spectral_normalise(Discriminator{Sequential{Maxout{4, 3}, MinibatchDiscrimination{3, 2}, Dense{5, 1}}}), Hinge{}, R1{10}};
#endif
}
