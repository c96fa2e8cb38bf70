// expect: an object that has none of the hooks of a method for these networks: see nash/train/method.hpp
#include "nash/nash.hpp"

using namespace nash;

struct Misspelt {
  void after_updates(const Update<Cpu>&, auto&) {}
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, WeightClip{0.1}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, Misspelt{}};
#endif
}
