// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/separate_samples.hpp"

#include "message_of.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/reference_batch.hpp"
#include "nash/nn/residual.hpp"
#include "nash/nn/sequential.hpp"

using namespace nash;

namespace {

/// A layer of one's own without second derivatives.
template <int number>
struct Plain : LayerDefaults<float, Cpu> {
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Tensor<float>& x, Tensor<float>& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Tensor<float>&, const Tensor<float>&, NoSaved&, const Tensor<float>& dy, Tensor<float>* dx, Gradients<float, Cpu>*) const {
    if (dx != nullptr) *dx = dy;
  }
  LayerDescription describe() const { return LayerDescription(concat({"Plain", number})); }
};

using Net = AnySequential<>;
using Layers = std::vector<AnyLayer<>>;

}  // namespace

TEST_CASE("networks that the compiler knows are looked through, composites too") {
  CHECK(HasSecondDerivatives<Sequential<Dense<>, Residual<Dense<>>, ReferenceBatch<Sequential<BatchNorm<>>>>>::value);
  CHECK(SeesEachSampleByItself<Sequential<Dense<>, Residual<Dense<>>>>::value);
  CHECK_FALSE(TwiceDifferentiable<Sequential<Dense<>, Residual<Plain<1>>>>);
}

TEST_CASE("layers of networks put together at run time are found wherever they are, named once, and those without another remedy share one") {
  const Net g(Layers{Dense{2, 4}, Residual{Net(Layers{Plain<1>{}, Plain<2>{}})}}), d(Layers{Plain<2>{}, ReferenceBatch{Shape{2, 4}, Net(Layers{Plain<3>{}})}});
  CHECK(message_of<Error>([&] { require_second_derivatives("Twice", "networks", "it", g, d); }) ==
        "Twice: expected networks whose layers are all twice differentiable, got Plain1, Plain2, Plain3.\n"
        "Give tangent and tangent_backward to Plain1 and Plain2 and Plain3, or leave it out.");
  CHECK_NOTHROW(require_second_derivatives("Twice", "networks", "it", Net(Layers{Dense{2, 4}, BatchNorm{4}})));
  const Net coupled(Layers{Dense{2, 4}, Residual{Net(Layers{BatchNorm{4}})}, BatchNorm{4}});
  CHECK(message_of<Error>([&] { require_separate_samples(coupled, "Penalty", "a critic", "it"); }) ==
        "Penalty: expected a critic whose layers see each sample by itself, got BatchNorm.\n"
        "Use LayerNorm or SpectralNorm in the place of BatchNorm, or leave it out.");
}
