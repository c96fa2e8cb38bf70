// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"

using namespace nash;

namespace {

Conv2d<> down(index_t in, index_t out, bool bias = true) {
  return {in, out, {.kernel = 3, .stride = 2, .padding = 1, .bias = bias}};
}
Conv2d<> keep(index_t in, index_t out, bool bias = true) { return {in, out, {.kernel = 3, .padding = 1, .bias = bias}}; }

/// Every network of second_order.safetensors: f(name, mode, network).
template <class Function>
void for_each_second_order_case(const Function& f) {
  const auto train = Mode::train, infer = Mode::infer;
  f("critic", train, Sequential{down(2, 4), LeakyReLU{0.2}, keep(4, 3), Tanh{}, Dense{36, 1}});
  const Sequential batch_norm{down(2, 4, false), BatchNorm{4}, LeakyReLU{0.2}, keep(4, 3, false),
                              BatchNorm{3},      Tanh{},       Dense{36, 1}};
  f("batch_norm", train, batch_norm);
  f("batch_norm.infer", infer, batch_norm);
  f("dense", train, Sequential{Dense{5, 6}, Sigmoid{}, Maxout{6, 4, {.pieces = 3}}, Softplus{}, Dense{4, 2}});
  f("spectral_norm", train,
    Sequential{SpectralNorm{down(2, 3)}, LeakyReLU{0.2}, SpectralNorm{ConvTranspose2d{3, 2, {.kernel = 3}}}, Tanh{},
               SpectralNorm{Dense{60, 1}}});
  f("residual", train,
    Sequential{down(2, 3), Residual{Sequential{Tanh{}, keep(3, 4), ReLU{}, keep(4, 4)}, Conv2d{3, 4, {.kernel = 1}}}, Sigmoid{},
               Dense{48, 1}});
  f("generator", train,
    Sequential{Dense{5, 12, {.bias = false}}, Reshape{2, 2, 3}, BatchNorm{3}, ReLU{},
               ConvTranspose2d{3, 2, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}});
  f("conditional", train, Sequential{ConditionalConcat{4, {.embedding = 2}}, down(4, 3), Tanh{}, ProjectionHead{36, 4}});
  const Sequential conditional{down(2, 4, false), ConditionalBatchNorm{4, 4}, Tanh{}, Dense{48, 3}, SemiSupervisedHead{3}};
  f("conditional_batch_norm", train, conditional);
  f("conditional_batch_norm.infer", infer, conditional);
  f("conditional_affine", train, Sequential{Dense{5, 6}, ConditionalAffine{4, 6}, Tanh{}, Dense{6, 1}});

  f("layer_norm", train, Sequential{down(2, 4), LayerNorm{4}, LeakyReLU{0.2}, keep(4, 3), LayerNorm{3}, Tanh{}, Dense{36, 1}});
  f("resized", train, Sequential{keep(2, 4), AvgPool2d{{.kernel = 3, .stride = 2}}, PixelShuffle{2}, Tanh{}, Dense{24, 1}});
  f("minibatch", train,
    Sequential{Dense{5, 6}, Tanh{}, MinibatchStdDev{}, MinibatchDiscrimination{7, 3, {.dimensions = 2}}, Dense{10, 1}});
  f("virtual_batch_norm", train, Sequential{down(2, 4, false), VirtualBatchNorm{4, 3}, Tanh{}, Dense{48, 1}});
}

/// The gradients of P = ½‖∇ₓ⟨dy, f(x)⟩‖², whose ∂P/∂(∇ₓ) is ∇ₓ itself, by one tangent pass along it.
template <class T, class Device>
void check_second_order(double tolerance) {
  const Golden golden("second_order");
  Context<Device> context;
  for_each_second_order_case([&](const std::string& name, Mode mode, const auto& built) {
    GoldenLayer own(golden, name, context, built.template to<T, Device>());
    const auto& network = own.layer;
    const auto x = golden.tensor<T, Device>(name + "/x"), dy = golden.tensor<T, Device>(name + "/dy");
    const Labels<Device> labels = golden_labels<Device>(x.shape()[0]);
    const Pass<Device> pass{.context = context, .mode = mode, .second_order = true, .labels = labels.view()};
    auto x_bar = Tensor<T, Device>::zeros(x.shape());
    Tensor<T, Device> y, dx, y_tangent;
    typename std::remove_cvref_t<decltype(network)>::Saved saved;

    network.forward(pass, x, y, &saved);
    check_close(y, golden.entry(name + "/y"), tolerance);
    network.backward(pass, x, y, saved, dy, &dx, nullptr);
    check_close(dx, golden.entry(name + "/dx"), tolerance);
    network.tangent(pass, x, y, saved, dx, y_tangent);
    // ⟨dy, J·∇ₓ⟩ = ‖∇ₓ‖²
    const double twice_penalty = sum(context, y.count(), Product<T>{dy.data(), y_tangent.data()});
    check_close(twice_penalty / 2, golden.entry(name + "/penalty"), tolerance);
    network.tangent_backward(pass, x, y, saved, dx, dy, &x_bar, &own.gradients);
    check_close(x_bar, golden.entry(name + "/x_bar"), tolerance);
    own.check_gradients(golden, name, tolerance);
  });
}

}  // namespace

// With g++ 12 double reaches 2e-15 and float 2e-6.

TEST_CASE("gradients of a gradient penalty are PyTorch's in double") { check_second_order<double, Cpu>(1e-10); }
TEST_CASE("gradients of a gradient penalty are PyTorch's in float") { check_second_order<float, Cpu>(1e-4); }
