// expect: a GanTrainer has at most one method that changes latents by the networks' parameters: leave one out
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  const auto discriminator = [] { return Discriminator{Sequential{Dense{4, 1}}}; };
  GanTrainer good{generator(), discriminator(), Wasserstein{}, Logan{}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), discriminator(), Wasserstein{}, Logan{}, Logan{}};
#endif
}
