// expect: : ConditionalBatchNorm couples the samples of a batch, so that a penalty on the gradient of each makes no sense
// expect: use LayerNorm and ConditionalAffine in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 3}, LayerNorm{3}, ConditionalAffine{2, 3}, Dense{3, 1}}}, Hinge{}, R1{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 3}, ConditionalBatchNorm{2, 3}, Dense{3, 1}}}, Hinge{}, R1{10}};
#endif
}
