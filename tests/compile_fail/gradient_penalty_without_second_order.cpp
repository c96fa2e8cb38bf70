// expect: HasSecondDerivatives<FirstOrderAlone
// expect: latent optimisation and penalties on gradients need the second derivatives of every layer of the network: give the layer that has none the members tangent and tangent_backward, or leave it out
#include "nash/nash.hpp"

using namespace nash;

struct FirstOrderAlone : LayerDefaults<float, Cpu> {
  using Values = Tensor<float>;
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Values& x, Values& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values& dy, Values* dx, Gradients<float, Cpu>*) const {
    if (dx != nullptr) *dx = dy;
  }
  LayerDescription describe() const { return LayerDescription("FirstOrderAlone"); }
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}, FirstOrderAlone{}}}, Hinge{}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}, FirstOrderAlone{}}}, Hinge{}, GradientPenalty{10}};
#endif
}
