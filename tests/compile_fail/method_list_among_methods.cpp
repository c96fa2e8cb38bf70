// expect: a list of AnyMethod is the only thing that a GanTrainer is given after its options
#include "nash/nash.hpp"

int main() {
  using namespace nash;
  const Discriminator d{Sequential{Dense{4, 1}}};
  const Generator g{Latent::normal(2), Sequential{Dense{2, 4}}};
  const std::vector<AnyMethod<Generator<Sequential<Dense<>>>, Discriminator<Sequential<Dense<>>>>> list{InstanceNoise{0.1}};
  GanTrainer trainer{g, d, Hinge{}, list};
#if NASH_COMPILE_FAIL
  GanTrainer mixed{g, d, Hinge{}, list, InstanceNoise{0.1}};
#endif
}
