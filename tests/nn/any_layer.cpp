// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/any_layer.hpp"

#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A layer without the second order.
struct FirstOrderOnly : LayerDefaults<double, Cpu> {
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>& pass, const Tensor<double>& x, Tensor<double>& y, NoSaved* saved) const { Identity<double>().forward(pass, x, y, saved); }
  void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved& saved, const Tensor<double>& dy,
                Tensor<double>* dx, Gradients<double, Cpu>* grads) const {
    Identity<double>().backward(pass, x, y, saved, dy, dx, grads);
  }
  LayerDescription describe() const { return LayerDescription("FirstOrderOnly"); }
};

}  // namespace

TEST_CASE("AnyLayer has the derivatives of the layer within it") {
  check_derivatives(AnyLayer<double>(Dense<double>{3, 4}), {5, 3});
  check_derivatives(AnyLayer<double>(BatchNorm<double>{2}), {5, 2});
  check_derivatives(AnyLayer<double>(Maxout<double>{3, 2, {.pieces = 2}}), {5, 3});
  check_derivatives(AnyLayer<double>(SpectralNorm{Dense<double>{3, 2}}), {5, 3});
  check_derivatives(Sequential{AnyLayer<double>(Dense<double>{3, 4}), AnyLayer<double>(Tanh<double>{})}, {5, 3});
}

TEST_CASE("AnyLayer's copies are deep, and so are those of its saved state") {
  AnyLayer<double> layer = initialised(Dense<double>{2, 2});
  const AnyLayer<double> copy = layer;
  const auto x = random_tensor({3, 2});
  const auto before = output_of(layer, x).to_host();
  set_state(layer, "weight", {0, 0, 0, 0});
  CHECK(output_of(copy, x).to_host() == before);
  layer = copy;
  CHECK(output_of(layer, x).to_host() == before);

  const AnyLayer<double> norm = initialised(BatchNorm<double>{2});
  Context<Cpu> context(1);
  const Pass<Cpu> pass{context, Mode::train};
  const auto other = random_tensor({3, 2}, 2);
  AnyLayer<double>::Saved saved;
  Tensor<double> y, dx, dx_later;
  norm.forward(pass, x, y, &saved);
  norm.backward(pass, x, y, saved, x, &dx, nullptr);
  AnyLayer<double>::Saved kept = saved;
  norm.forward(pass, other, y, &saved);
  norm.backward(pass, x, y, kept, x, &dx_later, nullptr);
  CHECK(dx_later.to_host() == dx.to_host());
}

TEST_CASE("saved state that another layer has used is made anew") {
  const AnyLayer<double> norm = initialised(BatchNorm<double>{2}), maxout = initialised(Maxout<double>{2, 2});
  Context<Cpu> context(1);
  const Pass<Cpu> pass{context, Mode::train};
  const auto x = random_tensor({3, 2});
  AnyLayer<double>::Saved saved;
  Tensor<double> y, dx;
  // The smaller state first, so that a sanitizer sees it taken for the larger.
  maxout.forward(pass, x, y, &saved);
  norm.forward(pass, x, y, &saved);
  norm.backward(pass, x, y, saved, y, &dx, nullptr);
  maxout.forward(pass, x, y, &saved);
  maxout.backward(pass, x, y, saved, y, &dx, nullptr);
  CHECK(dx.shape() == Shape{3, 2});
}

TEST_CASE("AnyLayer answers what a static network knows at compile time") {
  const auto wrap = [](auto layer) { return AnyLayer<double>(std::move(layer)); };
  CHECK(wrap(BatchNorm<double>{2}).traits().couples_samples);
  CHECK_FALSE(wrap(Dense<double>{2, 2}).traits().couples_samples);
  CHECK(wrap(Tanh<double>{}).traits().curved);
  CHECK_FALSE(wrap(LeakyReLU<double>{0.2}).traits().curved);
  CHECK(wrap(Tanh<double>{}).traits().twice_differentiable);
  CHECK_FALSE(wrap(FirstOrderOnly{}).traits().twice_differentiable);
  CHECK(wrap(Tanh<double>{}).describe().type() == "Tanh");

  // Through anything that has other layers within it, known or not.
  const auto norm = wrap(BatchNorm<double>{2}), plain = wrap(ReLU<double>{});
  CHECK(wrap(AnySequential<double>({plain, norm})).traits().couples_samples);
  CHECK_FALSE(wrap(AnySequential<double>({plain, plain})).traits().couples_samples);
  CHECK(wrap(Sequential{plain, Sequential{norm}}).traits().couples_samples);
  CHECK_FALSE(wrap(Sequential{plain, plain}).traits().couples_samples);
  CHECK(wrap(Residual{norm}).traits().couples_samples);
  CHECK(wrap(Residual{plain, AnySequential<double>({norm})}).traits().couples_samples);
  CHECK_FALSE(wrap(Residual{plain, plain}).traits().couples_samples);
  CHECK_FALSE(wrap(Residual{plain, plain}).traits().curved);
  CHECK_FALSE(wrap(Sequential{plain}).traits().curved);
  CHECK(wrap(Sequential{plain, wrap(Tanh<double>{})}).traits().curved);
  CHECK_FALSE(wrap(Residual{wrap(FirstOrderOnly{})}).traits().twice_differentiable);
  CHECK_FALSE(wrap(AnySequential<double>({plain, wrap(FirstOrderOnly{})})).traits().twice_differentiable);
  CHECK(wrap(AnySequential<double>({plain, norm})).traits().twice_differentiable);
}

TEST_CASE("a tangent of a layer that has none is refused, with its name and place") {
  const Sequential net{AnyLayer<double>(Dense<double>{2, 2}), AnyLayer<double>(FirstOrderOnly{})};
  Context<Cpu> context(1);
  decltype(net)::Saved saved;
  const auto x = random_tensor({3, 2});
  Tensor<double> y, dx, y_tangent;
  net.forward({context}, x, y, &saved);
  net.backward({context}, x, y, saved, y, &dx, nullptr);
  CHECK(message_of<Error>([&] { net.tangent({context}, x, y, saved, x, y_tangent); }) ==
        "FirstOrderOnly (layer 1): this layer has no second-order rule.\nUse a layer that is twice differentiable, or no penalty on gradients.");
}

TEST_CASE("a layer of another scalar type or device is no AnyLayer of this one") {
  static_assert(std::is_constructible_v<AnyLayer<float>, Dense<float>>);
  static_assert(!std::is_constructible_v<AnyLayer<float>, Dense<double>>);
  static_assert(!std::is_constructible_v<AnyLayer<float>, Dense<float, Reference>>);
  static_assert(!std::is_constructible_v<AnyLayer<float>, int>);
}
