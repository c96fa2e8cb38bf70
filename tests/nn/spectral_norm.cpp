// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/spectral_norm.hpp"

#include <Eigen/SVD>

#include "nash/nn/conditional_concat.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/embedding.hpp"
#include "nash/nn/maxout.hpp"
#include "nash/nn/minibatch_discrimination.hpp"
#include "nash/nn/projection_head.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

double largest_singular_value(const std::vector<double>& values, index_t rows) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> matrix(values.data(), rows, static_cast<index_t>(values.size()) / rows);
  return Eigen::JacobiSVD<Matrix>(matrix).singularValues()(0);
}

/// The weight that the layer runs with, told from what it makes of inputs: column i is what unit input i gives.
std::vector<double> transfer(const auto& layer, index_t inputs) {
  Tensor<double> x = Tensor<double>::zeros({inputs, inputs});
  for (index_t i = 0; i < inputs; ++i) x[i * inputs + i] = 1;
  return output_of(layer, x).to_host();
}

}  // namespace

TEST_CASE("SpectralNorm has the derivatives that it says, u and v being constants") {
  check_derivatives(SpectralNorm{Dense<double>{5, 4}}, {3, 5});
  check_derivatives(SpectralNorm{Conv2d<double>{2, 3, {.kernel = 3, .stride = 2, .padding = 1}}}, {2, 5, 4, 2}, {.elements = 80});
  check_derivatives(SpectralNorm{ConvTranspose2d<double>{2, 3, {.kernel = 4, .stride = 2, .padding = 1, .bias = false}}}, {2, 2, 3, 2}, {.elements = 80});
  check_derivatives(SpectralNorm{Dense<double, Reference>{3, 2}, {.power_iterations = 3}}, {3, 3});
  check_derivatives(SpectralNorm{Maxout<double>{4, 3, {.pieces = 2}}}, {3, 4});
  check_derivatives(SpectralNorm{MinibatchDiscrimination<double>{4, 2, {.dimensions = 3}}}, {4, 4});
  check_derivatives(SpectralNorm{Embedding<double>{4, 3}}, {5, 2});
  check_derivatives(SpectralNorm{ConditionalConcat<double>{4, {.embedding = 2}}}, {5, 2, 1, 3});
  check_derivatives(SpectralNorm{ConditionalConcat<double>{4}}, {5, 3});  // which has no table
  check_derivatives(SpectralNorm{ProjectionHead<double>{6, 4}}, {5, 1, 2, 3});
}

TEST_CASE("after enough refreshes the largest singular value of the normalised weight is 1") {
  Context<Cpu> context(1);
  const auto check = [&](auto layer, index_t rows) {
    initialise(context, layer, RandomStream(11));
    for (int i = 0; i < 500; ++i) refresh(context, layer);
    const std::vector<double> weight = state_of(layer, "weight");
    CHECK(layer.sigma() == doctest::Approx(largest_singular_value(weight, rows)).epsilon(1e-6));
    std::vector<double> normalised = weight;
    for (double& value : normalised) value /= layer.sigma();
    CHECK(largest_singular_value(normalised, rows) == doctest::Approx(1).epsilon(1e-3));
  };
  check(SpectralNorm{Dense<double>{12, 7}}, 7);
  check(SpectralNorm{Conv2d<double>{3, 5, {.kernel = 3}}}, 5);
  check(SpectralNorm{ConvTranspose2d<double>{3, 5, {.kernel = 2}}}, 3 * 2 * 2);

  auto dense = SpectralNorm{Dense<double>{6, 4, {.bias = false}}};
  initialise(context, dense, RandomStream(12));
  for (int i = 0; i < 500; ++i) refresh(context, dense);
  CHECK(largest_singular_value(transfer(dense, 6), 6) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("each weight of a layer is divided by a norm of its own, and what is no matrix stays") {
  auto layer = initialised(SpectralNorm{ProjectionHead<double>{3, 4}});
  set_state(layer, "bias", {0.25});
  Context<Cpu> context(1);
  for (int i = 0; i < 500; ++i) refresh(context, layer);
  const std::vector<double> w = state_of(layer, "weight"), v = state_of(layer, "embedding");
  CHECK(layer.sigma(0) == doctest::Approx(largest_singular_value(w, 1)).epsilon(1e-9));
  CHECK(layer.sigma(1) == doctest::Approx(largest_singular_value(v, 4)).epsilon(1e-9));

  const auto x = random_tensor({4, 3});
  const auto y = output_of(layer, x);  // of the labels 0, 1, 2, 3
  for (index_t n = 0; n < 4; ++n) {
    double expected = 0.25;
    for (index_t i = 0; i < 3; ++i)
      expected += (w[static_cast<std::size_t>(i)] / layer.sigma(0) + v[static_cast<std::size_t>(3 * n + i)] / layer.sigma(1)) * x[3 * n + i];
    CHECK(y[n] == doctest::Approx(expected).epsilon(1e-12));
  }

  std::vector<std::string> names;
  SpectralNorm<ProjectionHead<double>>::visit_state(layer, [&](const StateName& name, const auto&) { names.push_back(name.text()); });
  CHECK(names == std::vector<std::string>{"weight", "bias", "embedding", "u", "v", "embedding.u", "embedding.v"});
}

TEST_CASE("the pieces of a maxout layer are one matrix") {
  auto layer = initialised(SpectralNorm{Maxout<double>{4, 3, {.pieces = 2}}});
  Context<Cpu> context(1);
  for (int i = 0; i < 500; ++i) refresh(context, layer);
  CHECK(layer.sigma() == doctest::Approx(largest_singular_value(state_of(layer, "weight"), 6)).epsilon(1e-9));
}

namespace {

/// A layer of one's own with a weight, and without second derivatives.
struct OnceDifferentiable : LayerDefaults<double, Cpu> {
  Parameter<double, Cpu> weight{Shape{1, 1}, Init::ones(), {}};
  static auto weights(auto& self) { return std::array{NamedWeight{"weight", &self.weight}}; }
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Tensor<double>& x, Tensor<double>& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Tensor<double>&, const Tensor<double>&, NoSaved&, const Tensor<double>& dy, Tensor<double>* dx,
                Gradients<double, Cpu>*) const {
    if (dx != nullptr) *dx = dy;
  }
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("weight", self.weight);
  }
  LayerDescription describe() const { return LayerDescription("OnceDifferentiable"); }
};

}  // namespace

TEST_CASE("a layer within SpectralNorm is what it is without") {
  static_assert(Weighted<Conv2d<>> && Weighted<Maxout<>> && Weighted<Embedding<>> && !Weighted<SpectralNorm<Dense<>>>);
  CHECK(TwiceDifferentiable<SpectralNorm<Maxout<>>>);
  CHECK_FALSE(TwiceDifferentiable<SpectralNorm<OnceDifferentiable>>);
  CHECK(traits_of(SpectralNorm{ProjectionHead{3, 7}}).classes == 7);
  CHECK(traits_of(SpectralNorm{Dense{3, 7}}).classes == 0);
  const SpectralNorm pairs{MinibatchDiscrimination{4, 2}};
  CHECK(traits_of(pairs).couples_samples);
  CHECK(traits_of(pairs).refuses_penalties);
  CHECK(traits_of(pairs).curved);
  LayersInTheWay found;
  find_in_the_way(pairs, found);
  CHECK(found.refusing == std::vector<LayerInTheWay>{{"MinibatchDiscrimination", "MinibatchStdDev"}});
  CHECK_FALSE(traits_of(SpectralNorm{Maxout{4, 2}}).couples_samples);
  CHECK(traits_of(Maxout{4, 2}).plain_weights);
  CHECK_FALSE(traits_of(SpectralNorm{Maxout{4, 2}}).plain_weights);
  CHECK_FALSE(has_weights(ConditionalConcat{3}));
  CHECK(has_weights(ConditionalConcat{3, {.embedding = 2}}));
  CHECK(message_of<ShapeError>([] { SpectralNorm{ConditionalConcat{3}}.sigma(); }) ==
        "SpectralNorm: expected a weight matrix of ConditionalConcat, got number 0, which it has not.\nAsk for one that it has, from 0 on.");
  CHECK(message_of<ShapeError>([] { SpectralNorm{Dense{3, 2}}.sigma(1); }).starts_with("SpectralNorm: expected a weight matrix of Dense, got number 1"));
}

TEST_CASE("the first refresh alone comes close to the norm") {
  auto layer = initialised(SpectralNorm{Dense<double>{64, 64, {.init = Init::dcgan()}}});
  CHECK(layer.sigma() == doctest::Approx(largest_singular_value(state_of(layer, "weight"), 64)).epsilon(0.05));
}

TEST_CASE("all passes between two refreshes see the same weight, and a refresh alone changes it") {
  auto layer = initialised(SpectralNorm{Dense<double>{5, 5}});
  Context<Cpu> context(1);
  const auto x = random_tensor({3, 5});
  SpectralNorm<Dense<double>>::Saved saved;
  Tensor<double> first, second;
  layer.forward({context, Mode::train}, x, first, &saved);
  layer.forward({context, Mode::train}, x, second, &saved);
  CHECK(first.to_host() == second.to_host());
  const std::vector<double> u = state_of(layer, "u");

  std::vector<double> weight = state_of(layer, "weight");
  for (double& value : weight) value = value * value;
  set_state(layer, "weight", weight);
  CHECK(output_of(layer, x).to_host() == first.to_host());
  refresh(context, layer);
  CHECK(output_of(layer, x).to_host() != first.to_host());
  CHECK(state_of(layer, "u") != u);
}

TEST_CASE("restore brings σ and the normalised weight back from a copied state, and moves none of it") {
  const auto layer = initialised(SpectralNorm{Dense<double>{5, 4}});
  SpectralNorm other{Dense<double>{5, 4}};
  copy_state(layer, other);
  Context<Cpu> context(1);
  restore(context, other);
  const auto x = random_tensor({3, 5});
  CHECK(output_of(other, x).to_host() == output_of(layer, x).to_host());
  CHECK(state_of(other, "u") == state_of(layer, "u"));
  CHECK(other.sigma() == layer.sigma());
}

TEST_CASE("a weight of zeros stays one") {
  auto layer = initialised(SpectralNorm{Dense<double>{3, 2, {.init = Init::zeros()}}});
  CHECK(output_of(layer, random_tensor({2, 3})).to_host() == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("SpectralNorm passes errors on and refuses to iterate less than once") {
  CHECK(message_of<ShapeError>([] { SpectralNorm{Dense{5, 3}}.output_shape({4, 6}); }) ==
        "Dense: expected N×5 inputs, got 4×6.\nBuild Dense{6, 3} or change the layer before it.");
  CHECK(message_of<ShapeError>([] { SpectralNorm(Dense{5, 3}, {.power_iterations = 0}); }) ==
        "SpectralNorm: expected at least 1 power iteration, got 0.\nUse 1.");
}
