// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

struct Specimen {
  nash::LayerDescription description;
  nash::Shape input;
};

/// A layer of every kind, with options that are none of the defaults.
template <class T, class D>
std::vector<Specimen> specimens() {
  using namespace nash;
  std::vector<Specimen> all;
  const auto add = [&](const auto& layer, const Shape& input) { all.push_back({layer.describe(), input}); };
  add(AvgPool2d<T, D>{{.kernel = 3, .stride = 2}}, {2, 6, 5, 2});
  add(BatchNorm<T, D>{3, {.epsilon = 1e-3, .momentum = 0.25, .init = Init::normal(0.02, 1)}}, {4, 2, 2, 3});
  add(ConditionalAffine<T, D>{4, 3, {.init = Init::normal(0.5, 1)}}, {5, 2, 2, 3});
  add(ConditionalBatchNorm<T, D>{4, 3, {.epsilon = 1e-3, .momentum = 0.25, .init = Init::normal(0.5, 1)}}, {5, 2, 2, 3});
  add(ConditionalConcat<T, D>{4}, {5, 3});
  add(ConditionalConcat<T, D>{5, {.embedding = 2, .init = Init::normal(0.5)}}, {5, 2, 1, 3});
  add(Conv2d<T, D>{2, 3, {.kernel = 4, .stride = 2, .padding = 1, .bias = false, .init = Init::dcgan()}}, {2, 6, 4, 2});
  add(ConvTranspose2d<T, D>{2, 3, {.kernel = 4, .stride = 3, .padding = 1, .output_padding = 2, .bias = false, .init = Init::he(0.2)}}, {2, 3, 2, 2});
  add(Dense<T, D>{5, 4, {.bias = false, .init = Init::orthogonal(1.5)}}, {3, 5});
  add(Dropout<T, D>{0.25}, {4, 10});
  add(Embedding<T, D>{5, 3, {.init = Init::uniform(0.5)}}, {6, 4});
  add(Flatten<T, D>{}, {2, 3, 2, 2});
  add(Identity<T, D>{}, {2, 3});
  add(LayerNorm<T, D>{3, {.epsilon = 1e-3}}, {2, 2, 2, 3});
  add(LeakyReLU<T, D>{0.125}, {3, 5});
  add(Maxout<T, D>{4, 3, {.pieces = 2, .init = Init::uniform(0.3)}}, {3, 4});
  add(MinibatchDiscrimination<T, D>{4, 3, {.dimensions = 2, .init = Init::normal(0.3)}}, {5, 4});
  add(MinibatchStdDev<T, D>{{.group = 2, .epsilon = 1e-3}}, {4, 2, 3, 2});
  add(PixelShuffle<T, D>{3}, {2, 2, 3, 18});
  add(ProjectionHead<T, D>{6, 4, {.init = Init::he()}}, {5, 1, 2, 3});
  add(ReLU<T, D>{}, {3, 5});
  add(Reshape<T, D>{2, 1, 3}, {4, 6});
  add(SemiSupervisedHead<T, D>{4}, {3, 4});
  add(Sigmoid<T, D>{}, {3, 5});
  add(Softplus<T, D>{}, {3, 5});
  add(Tanh<T, D>{}, {3, 5});
  add(Sequential{Dense<T, D>{4, 3}, Sequential{Tanh<T, D>{}, Dense<T, D>{3, 2}}}, {3, 4});
  add(Residual{Sequential{Dense<T, D>{4, 4}, Tanh<T, D>{}}}, {3, 4});
  add(Residual{Dense<T, D>{4, 2}, Dense<T, D>{4, 2, {.bias = false}}}, {3, 4});
  add(VirtualBatchNorm<T, D>{2, 3, {.own = false, .epsilon = 1e-3, .init = Init::normal(0.02, 1)}}, {5, 2, 2, 2});
  add(ReferenceBatch{Shape{3, 4}, Sequential{Dense<T, D>{4, 3}, VirtualBatchNorm<T, D>{3, 3}, Tanh<T, D>{}}}, {2, 4});
  add(SpectralNorm(Dense<T, D>{4, 3}, {.power_iterations = 2}), {3, 4});
  add(SpectralNorm{Conv2d<T, D>{1, 2}}, {1, 4, 4, 1});
  add(SpectralNorm{ConvTranspose2d<T, D>{1, 2}}, {1, 2, 2, 1});
  add(SpectralNorm{ConditionalConcat<T, D>{5, {.embedding = 2}}}, {5, 2, 1, 3});
  add(SpectralNorm{ConditionalConcat<T, D>{5}}, {5, 3});
  add(SpectralNorm{Embedding<T, D>{5, 3}}, {6, 4});
  add(SpectralNorm{Maxout<T, D>{4, 3, {.pieces = 2}}}, {3, 4});
  add(SpectralNorm{MinibatchDiscrimination<T, D>{4, 3}}, {5, 4});
  add(SpectralNorm{ProjectionHead<T, D>{6, 4}}, {5, 6});
  return all;
}

/// A network with every layer in it, for images of 8×8 pixels.
inline auto every_layer() {
  using namespace nash;
  return Sequential{SpectralNorm{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}}, LeakyReLU{0.2}, BatchNorm{4}, ReLU{},
                    Residual{Sequential{Conv2d{4, 4, {.kernel = 3, .padding = 1}}, Tanh{}}, Identity{}},
                    ConvTranspose2d{4, 2, {.kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}}, Softplus{}, Flatten{}, Dropout{0.3},
                    Maxout{128, 12, {.pieces = 3}}, Reshape{2, 2, 3}, Sigmoid{}, SpectralNorm{Dense{12, 5}}, Dense{5, 2}};
}

template <class L>
L prepared(L layer) {
  using namespace nash;
  layer = initialised(std::move(layer));
  Context<typename L::Device> context(1);
  typename L::Saved saved;
  Tensor<typename L::Scalar, typename L::Device> y;
  layer.forward({context, Mode::train, RandomStream(2)}, random_tensor<typename L::Scalar, typename L::Device>({6, 8, 8, 1}, 3), y, &saved);
  layer.commit(context, saved);
  return layer;
}

struct LayerOutcome {
  nash::Tensor<double> y, dx, gradients;
};

/// Forward and backward, in training or inference, as doubles on the processor.
template <class L>
LayerOutcome outcome(L layer, nash::Mode mode) {
  using namespace nash;
  using T = typename L::Scalar;
  using D = typename L::Device;
  FlatParameters<T, D> flat(layer);
  Context<D> context(1);
  restore(context, layer);
  const auto x = random_tensor<T, D>({5, 8, 8, 1}, 7);
  const Pass<D> pass{context, mode, RandomStream(8)};
  typename L::Saved saved;
  Tensor<T, D> y, dx, gradient = Tensor<T, D>::zeros({count_parameters(layer)});
  Gradients<T, D> gradients(gradient);
  layer.forward(pass, x, y, &saved);
  layer.backward(pass, x, y, saved, random_tensor<T, D>(y.shape(), 9), &dx, &gradients);
  LayerOutcome result;
  convert(y, result.y), convert(dx, result.dx), convert(gradient, result.gradients);
  return result;
}

inline void check_same(const LayerOutcome& a, const LayerOutcome& b, double tolerance) {
  CHECK(difference(a.y, b.y) <= tolerance);
  CHECK(difference(a.dx, b.dx) <= tolerance);
  CHECK(difference(a.gradients, b.gradients) <= tolerance);
}
