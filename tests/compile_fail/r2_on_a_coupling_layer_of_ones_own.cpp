// expect: SeesEachSampleByItself<OwnLayer<true>
// expect: where a layer of the discriminator couples the samples of a batch: use one that does not in its place
#include "nash/nash.hpp"

using namespace nash;

template <bool coupled>
struct OwnLayer : Identity<> {
  static constexpr bool couples_samples = coupled;
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}, OwnLayer<false>{}}}, Hinge{}, R2{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}, OwnLayer<true>{}}}, Hinge{}, R2{10}};
#endif
}
