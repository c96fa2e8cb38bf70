// expect: none of the hooks of a method for these networks
#include "nash/nash.hpp"

struct Misspelt {
  void after_stop(nash::index_t, const nash::StepReport&) const {}
};

int main() {
  using namespace nash;
  std::vector<AnyMethod<>> methods{InstanceNoise{0.1}};
#if NASH_COMPILE_FAIL
  methods.push_back(Misspelt{});
#endif
  return static_cast<int>(methods.size()) - 1;
}
