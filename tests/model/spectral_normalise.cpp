// SPDX-License-Identifier: Apache-2.0
#include "nash/model/spectral_normalise.hpp"

#include <Eigen/SVD>
#include <set>

#include "model/networks.hpp"
#include "nash/model/dcgan.hpp"
#include "nash/nn/layers.hpp"
#include "nn/specimens.hpp"

using namespace nash;

namespace {

auto discriminator() {
  return Discriminator{Sequential{Conv2d<double>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU<double>{0.2},
                                  Residual{Sequential{Conv2d<double>{4, 4, {.kernel = 3, .padding = 1}}, Tanh<double>{}}},
                                  ConvTranspose2d<double>{4, 2}, SpectralNorm{Dense<double>{2 * 7 * 7, 6}}, Dense<double>{6, 1}}};
}

/// The largest singular value of each weight's matrix, divided by what the layer divides it by, must be 1.
template <class L>
void check_largest_singular_value(const L& layer) {
  Eigen::MatrixXd weight;
  L::visit_state(layer, [&](const StateName& name, const auto& state) {
    if (name.text() != "weight") return;
    if constexpr (requires { state.fans(); }) {
      const index_t rows = state.fans().rows, columns = state.count() / rows;
      weight = Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(state.data(), rows, columns) / layer.sigma();
    }
  });
  REQUIRE(weight.size() > 0);
  CHECK(std::abs(weight.jacobiSvd().singularValues()(0) - 1) < 1e-3);
}

}  // namespace

TEST_CASE("spectral_normalise puts SpectralNorm around every weighted layer, in skips too, and around none twice") {
  const auto normalised = spectral_normalise(discriminator());
  CHECK(layers_of(normalised) == "SpectralNorm LeakyReLU Residual SpectralNorm SpectralNorm SpectralNorm");
  const LayerDescription description = normalised.body().describe();
  CHECK(description.children()[2].children()[0].children()[0].type() == "SpectralNorm");
  CHECK(description.children()[4].children()[0].type() == "Dense");
}

TEST_CASE("every layer of nash that has weight matrices is normalised, whether the compiler knows it or not, and no other") {
  const auto check = [](const auto& layer) {
    const std::string type = layer.describe().type(), expected = Weighted<std::remove_cvref_t<decltype(layer)>> ? "SpectralNorm" : type;
    CAPTURE(type);
    CHECK(spectral_normalise(layer).describe().type() == expected);
    CHECK(spectral_normalise(AnyLayer<double>(layer)).describe().type() == (has_weights(layer) ? "SpectralNorm" : type));
  };
  check(Conv2d<double>{1, 2}), check(ConvTranspose2d<double>{1, 2}), check(Dense<double>{1, 2}), check(Embedding<double>{3, 2});
  check(Maxout<double>{1, 2}), check(MinibatchDiscrimination<double>{1, 2}), check(ProjectionHead<double>{4, 2});
  check(BatchNorm<double>{2}), check(ConditionalAffine<double>{3, 2}), check(ConditionalBatchNorm<double>{3, 2}), check(LayerNorm<double>{2});
  check(ConditionalConcat<double>{3, {.embedding = 2}}), check(ConditionalConcat<double>{3}), check(Tanh<double>{}), check(SemiSupervisedHead<double>{3}), check(VirtualBatchNorm<double>{2, 3});
  check(SpectralNorm{Dense<double>{1, 2}});

  std::set<std::string> weighted;
  for (const Specimen& specimen : specimens<double, Cpu>()) {
    const auto layer = LayerRegistry<double>::standard().build(specimen.description);
    const bool holds_others = !specimen.description.children().empty();
    if (traits_of(layer).plain_weights && !holds_others) weighted.insert(specimen.description.type());
    CHECK_FALSE(traits_of(spectral_normalise(layer)).plain_weights);
  }
  CHECK(weighted == std::set<std::string>{"ConditionalConcat", "Conv2d", "ConvTranspose2d", "Dense", "Embedding", "Maxout", "MinibatchDiscrimination", "ProjectionHead"});
}

TEST_CASE("a projection discriminator is normalised whole and stays one") {
  const auto body = spectral_normalise(Sequential{Residual{Dense<double>{5, 4}, Embedding<double>{3, 4}}, Maxout<double>{4, 6}, ProjectionHead<double>{6, 3}});
  auto d = spectral_normalise(Discriminator{body});
  CHECK(layers_of(d) == "Residual SpectralNorm SpectralNorm");
  CHECK(d.classes() == 3);
  d.initialise(4);
  Context<Cpu> context(1);
  for (int i = 0; i < 300; ++i) d.refresh(context);
  check_largest_singular_value(d.body().template layer<0>().body());
  check_largest_singular_value(d.body().template layer<0>().skip());
  check_largest_singular_value(d.body().template layer<1>());
  check_largest_singular_value(d.body().template layer<2>());
}

TEST_CASE("spectral_normalise goes into the body of a ReferenceBatch, whose reference stays") {
  const auto reference = Tensor<double>::filled(Shape{3, 5}, 0.5);
  auto normalised = spectral_normalise(Discriminator{Sequential{ReferenceBatch{reference, Sequential{Dense<double>{5, 2}, VirtualBatchNorm<double>{2, 3}}},
                                                                Dense<double>{2, 1}}});
  normalised.initialise(1);
  const auto& batch = normalised.body().layer<0>();
  CHECK(batch.reference().to_host() == reference.to_host());
  CHECK(batch.describe().children()[0].children()[0].type() == "SpectralNorm");
}

TEST_CASE("with the power iteration run to its end the largest singular value is 1, by Eigen's SVD, of convolutions too") {
  auto normalised = spectral_normalise(discriminator());
  normalised.initialise(3);
  Context<Cpu> context(1);
  for (int i = 0; i < 300; ++i) normalised.refresh(context);
  const auto& body = normalised.body();
  check_largest_singular_value(body.layer<0>());
  check_largest_singular_value(body.layer<2>().body().layer<0>());
  check_largest_singular_value(body.layer<3>());
  check_largest_singular_value(body.layer<4>());
  check_largest_singular_value(body.layer<5>());
}

TEST_CASE("parameters that were set stay, and are normalised at once") {
  auto plain = Discriminator{Sequential{Dense<double>{5, 1}}};
  CHECK_FALSE(spectral_normalise(plain).is_ready());
  plain.initialise(1);
  const auto normalised = spectral_normalise(plain);
  REQUIRE(normalised.is_ready());
  const Tensor<double> x({1, 5}, std::vector<double>{1, 0, 0, 0, 0});
  Context<Cpu> context(1);
  Tensor<double> logits;
  normalised.discriminate(context, x, logits);
  double square = 0;
  for (index_t i = 0; i < 5; ++i) square += plain.parameters()[i] * plain.parameters()[i];
  CHECK(logits[0] == doctest::Approx(plain.parameters()[0] / std::sqrt(square)).epsilon(1e-10));
}

TEST_CASE("spectral_normalise goes into networks that were put together at run time, and what it makes of them is normalised") {
  auto plain = dcgan_discriminator<double>({.size = 32, .width = 4});
  plain.initialise(2);
  auto normalised = spectral_normalise(plain);
  CHECK(normalised.is_ready());
  CHECK(layers_of(normalised).starts_with("SpectralNorm LeakyReLU SpectralNorm BatchNorm LeakyReLU SpectralNorm"));

  const AnyLayer<double> skip(Residual<AnyLayer<double>>(AnyLayer<double>(AnySequential<double>({AnyLayer<double>(Dense<double>{3, 3}), AnyLayer<double>(Tanh<double>{})}))));
  const LayerDescription description = spectral_normalise(skip).describe();
  CHECK(description.children()[0].children()[0].type() == "SpectralNorm");

  const AnyLayer<double> batch(ReferenceBatch<AnyLayer<double>>(Tensor<double>::zeros({2, 5}), AnyLayer<double>(Dense<double>{5, 2})));
  CHECK(spectral_normalise(batch).describe().children()[0].type() == "SpectralNorm");

  // Against the static network of the same layers and parameters.
  auto fixed = Discriminator{Sequential{Dense<double>{5, 4}, Tanh<double>{}, Dense<double>{4, 1}}};
  fixed.initialise(1);
  auto free = Discriminator{AnySequential<double>({AnyLayer<double>(Dense<double>{5, 4}), AnyLayer<double>(Tanh<double>{}), AnyLayer<double>(Dense<double>{4, 1})})};
  free.initialise(1);
  Context<Cpu> context(1);
  const Tensor<double> x({1, 5}, std::vector<double>{1, -1, 0.5, 0, 2});
  Tensor<double> expected, got;
  spectral_normalise(fixed).discriminate(context, x, expected);
  spectral_normalise(free).discriminate(context, x, got);
  CHECK(got.to_host() == expected.to_host());
}

namespace {

/// A weighted layer of one's own, and a composite of one's own around a weighted layer.
struct OwnWeighted : Dense<double> {
  using Dense<double>::Dense;
  LayerDescription describe() const { return LayerDescription("OwnWeighted"); }
};
struct OwnComposite : Tanh<double> {
  Dense<double> within{2, 2};
  LayerTraits traits() const { return traits_of(within); }
  LayerDescription describe() const { return LayerDescription("OwnComposite"); }
};

}  // namespace

TEST_CASE("spectral_normalise refuses weighted layers that it cannot reach, and no others") {
  const AnyLayer<double> hidden(Sequential{Tanh<double>{}, Dense<double>{5, 2}});
  CHECK(message_of<Error>([&] { spectral_normalise(hidden); }) ==
        "spectral_normalise: expected weight matrices that it can reach, got Sequential, which holds some out of its reach.\n"
        "Put SpectralNorm around the layers of Sequential where it is made, before it becomes an AnyLayer.");
  CHECK(spectral_normalise(AnyLayer<double>(spectral_normalise(Sequential{Tanh<double>{}, Dense<double>{5, 2}}))).describe().children()[1].type() == "SpectralNorm");
  CHECK(spectral_normalise(AnyLayer<double>(Sequential{Tanh<double>{}, LeakyReLU<double>{0.2}})).describe().type() == "Sequential");
  CHECK(spectral_normalise(AnyLayer<double>(Sequential{ConditionalConcat<double>{3}, Tanh<double>{}})).describe().type() == "Sequential");

  CHECK(spectral_normalise(OwnWeighted{2, 3}).describe().children()[0].type() == "OwnWeighted");
  CHECK(message_of<Error>([] { spectral_normalise(AnyLayer<double>(OwnWeighted{2, 3})); }).find("got OwnWeighted, which holds some out of its reach.") != std::string::npos);
  CHECK(message_of<Error>([] { spectral_normalise(Sequential{OwnComposite{}}); }).find("got OwnComposite, which holds some out of its reach.") != std::string::npos);
  CHECK(message_of<Error>([] { spectral_normalise(AnyLayer<double>(OwnComposite{})); }).find("got OwnComposite") != std::string::npos);
}
