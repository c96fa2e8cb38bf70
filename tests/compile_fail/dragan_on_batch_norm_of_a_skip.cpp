// expect: : BatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use LayerNorm or SpectralNorm in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Residual{Dense{4, 4}, LayerNorm{4}}, Dense{4, 1}}}, Hinge{}, Dragan{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Residual{Dense{4, 4}, BatchNorm{4}}, Dense{4, 1}}}, Hinge{}, Dragan{10}};
#endif
}
