// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"
#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// Names are long on purpose: a string of one would not fit into itself.
auto network() {
  return Sequential{
      Sequential{Residual{Sequential{Residual{Sequential{Conv2d{1, 1, {.kernel = 3, .padding = 1}}, BatchNorm{1}, LeakyReLU{0.2}}}, Tanh{}}}},
      ConvTranspose2d{1, 3, {.kernel = 4, .stride = 2, .padding = 1}}, ReLU{}, SpectralNorm{Conv2d{3, 4, {.kernel = 4, .stride = 2, .padding = 1}}},
      Softplus{}, Dropout{0.3}, Maxout{256, 20, {.pieces = 3}}, Reshape{1, 1, 20}, Flatten{}, Sigmoid{}, Identity{}, Dense{20, 1}};
}

/// All that a training step may do with a network, three times over: how often the third time asked for memory.
template <class L>
std::int64_t allocations_of_a_steady_step(L layer, Mode mode, int threads) {
  Context<Cpu> context(threads);
  initialise(context, layer, RandomStream(1));
  FlatParameters<float, Cpu> flat(layer);
  const auto real = random_tensor<float>({6, 8, 8, 1}, 2), fake = random_tensor<float>({6, 8, 8, 1}, 3), v = random_tensor<float>({6, 8, 8, 1}, 4);
  auto gradient = Tensor<float>::zeros({count_parameters(layer)});
  Gradients<float, Cpu> gradients(gradient);
  typename L::Saved saved_real, saved_fake, saved_penalty;
  Tensor<float> y_real, y_fake, y, dx, y_tangent, x_bar = Tensor<float>::zeros({6, 8, 8, 1});
  const auto step = [&] {
    refresh(context, layer);
    const Pass<Cpu> pass{context, mode, RandomStream(5)}, second{context, mode, RandomStream(6), true};
    layer.forward(pass, real, y_real, &saved_real);
    layer.forward(pass, fake, y_fake, &saved_fake);
    layer.backward(pass, real, y_real, saved_real, y_real, nullptr, &gradients);
    layer.backward(pass, fake, y_fake, saved_fake, y_fake, &dx, nullptr);
    layer.backward(pass, fake, y_fake, saved_fake, y_fake, &dx, &gradients);
    layer.forward(second, real, y, &saved_penalty);
    layer.backward(second, real, y, saved_penalty, y, &dx, nullptr);
    layer.tangent(second, real, y, saved_penalty, v, y_tangent);
    layer.tangent_backward(second, real, y, saved_penalty, v, y, &x_bar, &gradients);
    layer.tangent(pass, real, y_real, saved_real, v, y_tangent);
    layer.commit(context, saved_real);
    layer.commit(context, saved_fake);
    layer.forward(pass, fake, y, nullptr);
    (void)layer.output_shape(real.shape());
    (void)count_parameters(layer);
  };
  step();
  step();
  const std::int64_t before = allocation_count();
  step();
  return allocation_count() - before;
}

}  // namespace

TEST_CASE("a steady step allocates nothing") {
  for (const Mode mode : {Mode::train, Mode::infer})
    for (const int threads : {1, 2}) {
      CAPTURE(threads);
      CHECK(allocations_of_a_steady_step(network(), mode, threads) == 0);
      CHECK(allocations_of_a_steady_step(LayerRegistry<>::standard().build_network(network().describe()), mode, threads) == 0);
    }
}

TEST_CASE("smaller batches after larger ones allocate nothing") {
  auto layer = initialised(network());
  Context<Cpu> context(1);
  decltype(layer)::Saved saved;
  Tensor<float> y, dx;
  const auto step = [&](const Tensor<float>& x) {
    const Pass<Cpu> pass{context, Mode::train, RandomStream(1)};
    layer.forward(pass, x, y, &saved);
    layer.backward(pass, x, y, saved, y, &dx, nullptr);
  };
  const auto large = random_tensor<float>({9, 8, 8, 1}), small = random_tensor<float>({4, 8, 8, 1});
  step(large);
  step(large);
  const std::int64_t before = allocation_count();
  step(small);
  step(large);
  CHECK(allocation_count() == before);
}
