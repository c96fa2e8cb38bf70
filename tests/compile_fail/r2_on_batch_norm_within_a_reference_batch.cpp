// expect: : BatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use LayerNorm or SpectralNorm in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{ReferenceBatch{Shape{3, 4}, Sequential{Dense{4, 3}, VirtualBatchNorm{3, 3}, Dense{3, 1}}}}, Hinge{}, R2{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{ReferenceBatch{Shape{3, 4}, Sequential{Dense{4, 3}, BatchNorm{3}, Dense{3, 1}}}}, Hinge{}, R2{10}};
#endif
}
