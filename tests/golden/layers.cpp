// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"

using namespace nash;

namespace {

/// Every layer of layers.safetensors, by the name that its values have there: f(name, mode, layer).
template <class Function>
void for_each_layer_case(const Function& f) {
  const auto train = Mode::train, infer = Mode::infer;
  f("dense", train, Dense{7, 5});
  f("dense.no_bias", train, Dense{4, 3, {.bias = false}});
  f("dense.images", train, Dense{2 * 3 * 4, 3});

  f("conv2d", train, Conv2d{3, 5, {.kernel = 3, .padding = 1}});
  f("conv2d.stride2", train, Conv2d{2, 4, {.kernel = 4, .stride = 2, .padding = 1}});
  f("conv2d.stride3", train, Conv2d{3, 2, {.kernel = 5, .stride = 3, .padding = 2, .bias = false}});
  f("conv2d.rest", train, Conv2d{1, 3, {.kernel = 3, .stride = 2}});
  f("conv2d.one_pixel", train, Conv2d{4, 3, {.kernel = 1}});
  f("conv2d.wide_padding", train, Conv2d{2, 3, {.kernel = 3, .stride = 2, .padding = 3, .bias = false}});

  f("conv2d.wide", train, Conv2d{16, 16, {.kernel = 3, .padding = 1, .bias = false}});  // by minimal filtering, in float

  f("conv_transpose2d.wide", train, ConvTranspose2d{16, 16, {.kernel = 3, .padding = 1, .bias = false}});
  f("conv_transpose2d", train, ConvTranspose2d{3, 2, {.kernel = 4, .stride = 2, .padding = 1}});
  f("conv_transpose2d.latent", train, ConvTranspose2d{6, 3, {.kernel = 3}});
  f("conv_transpose2d.output_padding", train,
    ConvTranspose2d{2, 3, {.kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}});
  f("conv_transpose2d.stride3", train,
    ConvTranspose2d{3, 4, {.kernel = 5, .stride = 3, .padding = 1, .output_padding = 2, .bias = false}});
  f("conv_transpose2d.gaps", train, ConvTranspose2d{2, 1, {.kernel = 2, .stride = 3}});
  f("conv_transpose2d.wide_padding", train, ConvTranspose2d{2, 2, {.kernel = 3, .padding = 2, .bias = false}});

  f("batch_norm", train, BatchNorm{3});
  f("batch_norm.dense", train, BatchNorm{5, {.epsilon = 1e-3}});
  f("batch_norm.infer", infer, BatchNorm{3});
  f("layer_norm", infer, LayerNorm{3});
  f("layer_norm.dense", infer, LayerNorm{5, {.epsilon = 1e-3}});

  f("avg_pool2d", train, AvgPool2d{});
  f("avg_pool2d.overlapping", train, AvgPool2d{{.kernel = 3, .stride = 2}});
  f("pixel_shuffle", train, PixelShuffle{2});
  f("minibatch_std_dev", train, MinibatchStdDev{});
  f("minibatch_std_dev.dense", train, MinibatchStdDev{{.group = 3, .epsilon = 1e-3}});
  f("minibatch_discrimination", train, MinibatchDiscrimination{4, 3, {.dimensions = 2}});

  f("virtual_batch_norm", train, VirtualBatchNorm{3, 4});
  f("virtual_batch_norm.reference", train, VirtualBatchNorm{5, 3, {.own = false, .epsilon = 1e-3}});

  f("maxout", train, Maxout{6, 4, {.pieces = 5}});
  f("maxout.two_pieces", train, Maxout{3, 3, {.pieces = 2}});

  f("relu", train, ReLU{});
  f("leaky_relu", train, LeakyReLU{0.2});
  f("tanh", train, Tanh{});
  f("sigmoid", train, Sigmoid{});
  f("softplus", train, Softplus{});
  f("dropout", train, Dropout{0.4});
  f("dropout.infer", infer, Dropout{0.4});

  f("identity", train, Identity{});
  f("flatten", train, Flatten{});
  f("reshape", train, Reshape{2, 3, 4});

  f("spectral_norm.dense", train, SpectralNorm{Dense{6, 4}});
  f("spectral_norm.conv2d", train, SpectralNorm{Conv2d{3, 4, {.kernel = 3, .stride = 2, .padding = 1}}});
  f("spectral_norm.conv_transpose2d", train, SpectralNorm{ConvTranspose2d{3, 2, {.kernel = 4, .stride = 2, .padding = 1}}});

  f("residual", train,
    Residual{Sequential{Conv2d{3, 4, {.kernel = 3, .padding = 1}}, LeakyReLU{0.2}, Conv2d{4, 3, {.kernel = 3, .padding = 1}}}});
  f("residual.skip", train,
    Residual{Sequential{ReLU{}, Conv2d{2, 5, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}},
             Conv2d{2, 5, {.kernel = 2, .stride = 2}}});

  f("residual.embedding", train, Residual{Dense{7, 5}, Embedding{4, 5}});

  f("conditional_affine", train, ConditionalAffine{4, 3});
  f("conditional_affine.dense", train, ConditionalAffine{4, 5});
  f("conditional_batch_norm", train, ConditionalBatchNorm{4, 3});
  f("conditional_batch_norm.infer", infer, ConditionalBatchNorm{4, 3});
  f("conditional_concat", train, ConditionalConcat{4, {.embedding = 3}});
  f("conditional_concat.one_hot", train, ConditionalConcat{4});
  f("projection_head", train, ProjectionHead{12, 4});
  f("semi_supervised_head", train, SemiSupervisedHead{3});
}

template <class T, class Device>
void check_layers(double tolerance) {
  const Golden golden("layers");
  Context<Device> context;
  for_each_layer_case([&](const std::string& name, Mode mode, const auto& built) {
    GoldenLayer own(golden, name, context, built.template to<T, Device>());
    const auto& layer = own.layer;
    const auto x = golden.tensor<T, Device>(name + "/x"), dy = golden.tensor<T, Device>(name + "/dy");
    const Labels<Device> labels = golden_labels<Device>(x.shape()[0]);
    const Pass<Device> pass{.context = context, .mode = mode, .labels = labels.view()};
    Tensor<T, Device> y, dx;
    typename std::remove_cvref_t<decltype(layer)>::Saved saved;

    layer.forward(pass, x, y, nullptr);
    check_close(y, golden.entry(name + "/y"), tolerance);
    layer.forward(pass, x, y, &saved);
    check_close(y, golden.entry(name + "/y"), tolerance);
    layer.backward(pass, x, y, saved, dy, &dx, &own.gradients);
    check_close(dx, golden.entry(name + "/dx"), tolerance);
    own.check_gradients(golden, name, tolerance);
  });
}

}  // namespace

// The tolerances leave room for other compilers and processors; with g++ 12 double reaches 3e-15 and float 4e-7.

TEST_CASE("every layer's forward and backward give PyTorch's values in double") { check_layers<double, Cpu>(1e-10); }
TEST_CASE("every layer's forward and backward give PyTorch's values in float") { check_layers<float, Cpu>(1e-4); }
TEST_CASE("every layer's forward and backward give PyTorch's values on the reference device") {
  check_layers<double, Reference>(1e-10);
}
TEST_CASE("the wide convolutions among them run by minimal filtering, as those of the published networks do") {
  Context<> context;
  if (context.instruction_set() == InstructionSet::baseline) return;
  CHECK(cpu::Winograd<float>::suits(context, {.n = 2, .h = 12, .w = 12, .c = 16, .o = 16, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}));
}
