// SPDX-License-Identifier: Apache-2.0
#include "other.cuh"

double sum_through_every_layer(const nash::Tensor<float, nash::Cuda>& x) {
  using namespace nash;
  const AnyLayer<float, Cuda> identity = LayerRegistry<float, Cuda>::standard().build(LayerDescription("Identity"));
  Context<Cuda> context;
  Tensor<float, Cuda> y;
  identity.forward({context}, x, y, nullptr);
  return sum(context, y.count(), Value<float>{y.data()});
}
