// expect: a method with a hook that may change it, as it is not const, has a static visit_state(self, visitor)
#include "nash/nash.hpp"

using namespace nash;

/// Its state can be loaded but not saved, as what is saved is const. method_with_misspelt_state.cpp has one that is right.
struct CannotSave {
  void after_step(index_t, const StepReport&) { ++steps; }
  template <class Visitor>
  static void visit_state(CannotSave& self, Visitor&& visit) {
    visit("steps", self.steps);
  }
  index_t steps = 0;
};

int main() {
#if NASH_COMPILE_FAIL
  GanTrainer bad{Generator{Latent::normal(2), Sequential{Dense{2, 4}}}, Discriminator{Sequential{Dense{4, 1}}}, Wasserstein{}, CannotSave{}};
#endif
}
