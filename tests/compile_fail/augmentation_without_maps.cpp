// expect: AdaptiveAugmentation needs a family of maps
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Hinge{}, AdaptiveAugmentation<Corruption>{AdaptiveAugmentationOptions{}}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}}}, Hinge{}, AdaptiveAugmentation<>{AdaptiveAugmentationOptions{}}};
#endif
}
