// expect: SeesEachSampleByItself<OwnLayer<true>
// expect: where a layer of the discriminator couples the samples of a batch: use one that does not in its place
#include "nash/nash.hpp"

using namespace nash;

template <bool coupled>
struct OwnLayer : LayerDefaults<float, Cpu> {
  using Values = Tensor<float>;
  static constexpr bool couples_samples = coupled;
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Values& x, Values& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values& dy, Values* dx, Gradients<float, Cpu>*) const {
    if (dx != nullptr) *dx = dy;
  }
  void tangent(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values& dx, Values& dy) const { dy = dx; }
  void tangent_backward(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values&, const Values&, Values*, Gradients<float, Cpu>*) const {}
  LayerDescription describe() const { return LayerDescription("OwnLayer"); }
};

int main() {
  const auto generator = [] { return Generator{Latent::normal(2), Sequential{Dense{2, 4}}}; };
  GanTrainer good{generator(), Discriminator{Sequential{Dense{4, 1}, OwnLayer<false>{}}}, Hinge{}, R2{10}};
#if NASH_COMPILE_FAIL
  GanTrainer bad{generator(), Discriminator{Sequential{Dense{4, 1}, OwnLayer<true>{}}}, Hinge{}, R2{10}};
#endif
}
