// expect: as BatchNorm does: use LayerNorm, or SpectralNorm around the weighted layers, in its place
#include "nash/nash.hpp"

using namespace nash;

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, GradientPenalty{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 3}, BatchNorm{3}, Dense{3, 1}}}, Wasserstein{}, GradientPenalty{10}};
#endif
}
