// expect: a method with a hook that may change it, as it is not const, has a static visit_state(self, visitor)
#include "nash/nash.hpp"

using namespace nash;

struct Counts {
  void after_step(index_t, const StepReport&) { ++steps; }
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("steps", self.steps);
  }
  index_t steps = 0;
};
struct Misspelt {
  void after_step(index_t, const StepReport&) { ++steps; }
  template <class Self, class Visitor>
  static void visit_states(Self& self, Visitor&& visit) {
    visit("steps", self.steps);
  }
  index_t steps = 0;
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, Counts{}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, Misspelt{}};
#endif
}
