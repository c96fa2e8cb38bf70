// expect: GoesWithPairLoss<OwnWeights
// expect: fakes can be weighed where a loss takes one logit at a time: leave out the method that GoesWithPairLoss<
#include "nash/nash.hpp"

using namespace nash;

struct OwnWeights {
  static constexpr const char* name = "OwnWeights";
  void weigh_fakes(const Update<Cpu>&, const Tensor<float>&, Tensor<float>&) const {}
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Hinge{}, OwnWeights{}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}}}, RelativisticAverage{Hinge{}}, OwnWeights{}};
#endif
}
