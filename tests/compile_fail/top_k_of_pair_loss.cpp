// expect: GoesWithPairLoss<nash::TopK
// expect: fakes can be weighed where a loss takes one logit at a time: leave out the method that GoesWithPairLoss<
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Hinge{}, TopK{}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}}}, RelativisticAverage{Hinge{}}, TopK{}};
#endif
}
