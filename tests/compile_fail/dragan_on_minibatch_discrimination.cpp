// expect: : MinibatchDiscrimination couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use MinibatchStdDev in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 3}, MinibatchStdDev{}, Dense{4, 1}}}, Hinge{}, Dragan{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 3}, LayerNorm{3}, MinibatchDiscrimination{3, 2}, Dense{5, 1}}}, Hinge{}, Dragan{10}};
#endif
}
