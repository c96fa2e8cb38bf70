// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/layer_table.hpp"

#include <doctest/doctest.h>

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/spectral_norm.hpp"
#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("a table has a layer's functions, and nothing in the place of those that it has not") {
  const auto& dense = second_order_table<Dense<>>;
  CHECK((dense.commit == nullptr));
  CHECK((dense.refresh == nullptr));
  CHECK((dense.restore == nullptr));
  CHECK((dense.tangent != nullptr));
  CHECK((dense.tangent_backward != nullptr));
  CHECK((second_order_table<BatchNorm<>>.commit != nullptr));
  CHECK((second_order_table<SpectralNorm<Dense<>>>.refresh != nullptr));
}

TEST_CASE("a layer that is called through its table does what it does itself") {
  Context<Cpu> context(1);
  Dense<> layer{3, 2};
  initialise(context, layer, RandomStream(1));
  const auto& table = second_order_table<Dense<>>;
  const auto x = random_tensor<float>({4, 3}, 2), dy = random_tensor<float>({4, 2}, 3);
  const Pass<Cpu> pass{context, Mode::train};
  Tensor<float> y, dx, y_through, dx_through;
  NoSaved saved;
  layer.forward(pass, x, y, &saved);
  layer.backward(pass, x, y, saved, dy, &dx, nullptr);
  table.forward(&layer, pass, x, y_through, &saved);
  table.backward(&layer, pass, x, y_through, &saved, dy, &dx_through, nullptr);
  CHECK(y.to_host() == y_through.to_host());
  CHECK(dx.to_host() == dx_through.to_host());
  CHECK(table.output_shape(&layer, x.shape()) == y.shape());
  CHECK(table.describe(&layer).type() == "Dense");
}
