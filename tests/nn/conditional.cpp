// SPDX-License-Identifier: Apache-2.0
// The layers that depend on the class of each sample, and the labels that a pass gives them.
#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

const std::vector<std::int32_t> five{2, 0, 1, 2, 0};

/// y of a layer for the classes given.
template <class L>
std::vector<double> output_with(const L& layer, const Tensor<double>& x, const LabelView& labels) {
  Context<Cpu> context(1);
  Tensor<double> y;
  layer.forward({.context = context, .mode = Mode::train, .labels = labels}, x, y, nullptr);
  return y.to_host();
}

}  // namespace

TEST_CASE("the conditional layers have the derivatives that they say") {
  check_derivatives(ConditionalConcat<double>{4}, {5, 3});
  check_derivatives(ConditionalConcat<double>{4, {.embedding = 3}}, {5, 2, 3, 2});
  check_derivatives(Embedding<double>{4, 3}, {6, 2});
  check_derivatives(Residual{Dense<double>{3, 2}, Embedding<double>{5, 2}}, {6, 3});
  check_derivatives(ConditionalAffine<double>{4, 3}, {6, 2, 1, 3});
  check_derivatives(ConditionalBatchNorm<double>{4, 3}, {6, 2, 1, 3});
  check_derivatives(ConditionalBatchNorm<double, Reference>{4, 2}, {5, 2});
  check_derivatives(ProjectionHead<double>{6, 4}, {5, 1, 2, 3});
  check_derivatives(ProjectionHead<double, Reference>{3, 7, {.bias = false}}, {5, 3});
  check_derivatives(SemiSupervisedHead<double>{4}, {3, 4});
  check_derivatives(Sequential{ConditionalConcat<double>{4}, Dense<double>{7, 6}, ConditionalBatchNorm<double>{4, 6}, Tanh<double>{},
                               ProjectionHead<double>{6, 4}}, {6, 3});
}

TEST_CASE("ConditionalConcat puts the class behind the channels of every pixel") {
  const Labels<> labels(std::vector<std::int32_t>{1, 0});
  CHECK(output_with(ConditionalConcat<double>{3}, tensor<double>({2, 1}, {7, 8}), labels.view()) == std::vector<double>{7, 0, 1, 0, 8, 1, 0, 0});
  ConditionalConcat<double> learned{2, {.embedding = 1}};
  set_state(learned, "weight", {0.5, 0.25});
  CHECK(output_with(learned, tensor<double>({2, 1, 2, 1}, {1, 2, 3, 4}), labels.view()) == std::vector<double>{1, 0.25, 2, 0.25, 3, 0.5, 4, 0.5});
}

TEST_CASE("an Embedding is a Dense layer of the one-hot code") {
  const auto embedding = initialised(Embedding<double>{3, 4});
  Dense<double> dense{3, 4, {.bias = false}};
  const auto table = state_of(embedding, "weight");
  std::vector<double> transposed(12);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t j = 0; j < 4; ++j) transposed[j * 3 + c] = table[c * 4 + j];
  set_state(dense, "weight", transposed);
  const Labels<> labels(five);
  const Tensor<double> codes({5, 3}, output_with(ConditionalConcat<double>{3}, Tensor<double>(Shape{5, 0}), labels.view()));
  CHECK(output_with(embedding, Tensor<double>(Shape{5, 1}), labels.view()) == output_of(dense, codes).to_host());
}

TEST_CASE("ConditionalBatchNorm is BatchNorm where all classes have one scale and shift") {
  ConditionalBatchNorm<double> conditional{3, 2};
  BatchNorm<double> plain{2};
  set_state(conditional, "weight", {2, 0.5, 2, 0.5, 2, 0.5}), set_state(plain, "weight", {2, 0.5});
  set_state(conditional, "bias", {-1, 3, -1, 3, -1, 3}), set_state(plain, "bias", {-1, 3});
  const Labels<> labels(five);
  const auto x = random_tensor({5, 2, 1, 2});
  Context<Cpu> context(1);
  for (const Mode mode : {Mode::train, Mode::infer}) {
    const Pass<Cpu> pass{.context = context, .mode = mode, .labels = labels.view()};
    ConditionalBatchNorm<double>::Saved conditional_saved;
    BatchNorm<double>::Saved plain_saved;
    Tensor<double> y, other;
    conditional.forward(pass, x, y, &conditional_saved), plain.forward(pass, x, other, &plain_saved);
    CHECK(difference(y, other) < 1e-15);
    conditional.commit(context, conditional_saved), plain.commit(context, plain_saved);
    CHECK(state_of(conditional, "running_mean") == state_of(plain, "running_mean"));
    CHECK(state_of(conditional, "running_var") == state_of(plain, "running_var"));
  }
}

TEST_CASE("ProjectionHead is a Dense layer for each class") {
  ProjectionHead<double> head{2, 3};
  set_state(head, "weight", {1, 10}), set_state(head, "bias", {0.5}), set_state(head, "embedding", {0, 0, 2, 0, 0, -3});
  const Labels<> labels(five);
  CHECK(output_with(head, tensor<double>({5, 2}, {1, 1, 1, 1, 1, 1, 2, 0, 0, 2}), labels.view()) == std::vector<double>{8.5, 11.5, 13.5, 2.5, 20.5});
}

TEST_CASE("SemiSupervisedHead's logit is that of being any of the classes") {
  const auto y = output_of(SemiSupervisedHead<double>{2}, tensor<double>({3, 2}, {std::log(3), std::log(4), 1000, 1000, -1000, -1000})).to_host();
  CHECK(y[0] == doctest::Approx(std::log(7)).epsilon(1e-15));  // σ = 7/8
  CHECK(std::vector(y.begin() + 1, y.begin() + 3) == std::vector{std::log(3.0), std::log(4.0)});
  CHECK(y[3] == doctest::Approx(1000 + std::log(2)).epsilon(1e-15));
  CHECK(y[6] == doctest::Approx(-1000 + std::log(2)).epsilon(1e-15));
}

TEST_CASE("a network knows as many classes as the layer in it that knows the fewest") {
  const Sequential net{ConditionalConcat{10}, Residual{Dense{14, 14}, Sequential{ConditionalAffine{7, 14}, Dense{14, 14}}}, ProjectionHead{14, 9}};
  CHECK(traits_of(net).classes == 7);
  CHECK(traits_of(to_any<float, Cpu>(net)).classes == 7);
  CHECK(traits_of(Residual{Embedding{6, 4}}).classes == 6);
  CHECK(traits_of(ConditionalBatchNorm{5, 2}).classes == 5);
  CHECK(traits_of(Sequential{Dense{2, 2}, Tanh{}}).classes == 0);
}

TEST_CASE("labels that are missing, too few or of other classes are refused by every layer, with its name") {
  const Sequential net{Tanh<double>{}, ConditionalConcat<double>{3}};
  const auto message = [&](const auto& layer, const Shape& shape, const LabelView& labels) {
    return message_of<ShapeError>([&] { output_with(layer, random_tensor(shape), labels); });
  };
  CHECK(message(net, {5, 3}, {}) ==
        "ConditionalConcat (layer 1): expected a label for each of 5 samples, got none.\nGive the pass the labels of its samples.");
  const Labels<> labels(five), of_a_dataset(five, 10), none{std::vector<std::int32_t>{}};
  CHECK(message(net, {4, 3}, labels.view()).find("a label for each of 4 samples, got 5") != std::string::npos);
  CHECK(message(net, {5, 3}, of_a_dataset.view()) ==
        "ConditionalConcat (layer 1): expected labels from 0 to 2, got labels of 10 classes.\n"
        "Build it for 10 classes, or give the data that it was built for.");
  CHECK(message(net, {5, 3}, none.view()).find("got none") != std::string::npos);
  CHECK(message(Embedding<double>{2, 2}, {5, 3}, labels.view()).starts_with("Embedding: expected labels from 0 to 1, got labels of 3 classes."));
  CHECK(message(ConditionalAffine<double>{2, 3}, {5, 3}, labels.view()).starts_with("ConditionalAffine: expected labels from 0 to 1"));
  CHECK(message(ConditionalBatchNorm<double>{2, 3}, {5, 3}, labels.view()).starts_with("ConditionalBatchNorm: expected labels from 0 to 1"));
  CHECK(message(ProjectionHead<double>{3, 2}, {5, 3}, labels.view()).starts_with("ProjectionHead: expected labels from 0 to 1"));
  CHECK(message_of<DataError>([] { Labels<> negative(std::vector<std::int32_t>{0, -1}); }) ==
        "Labels: expected labels of at least 0, got -1 for sample 1.\nNumber the classes from 0 on.");
}

TEST_CASE("sizes of conditional layers that make no sense") {
  const auto message = [](auto&& make) { return message_of<ShapeError>(make); };
  CHECK(message([] { ConditionalConcat{0}; }).starts_with("ConditionalConcat: expected a number of classes of at least 1, got 0."));
  CHECK(message([] { ConditionalConcat(3, {.embedding = -1}); }).starts_with("ConditionalConcat: expected an embedding of at least 0, got -1."));
  CHECK(message([] { (void)ConditionalConcat{3}.output_shape({5}); }) ==
        "ConditionalConcat: expected N×C or N×H×W×C values, got 5.\nPut it where the values have channels.");
  CHECK(message([] { Embedding(3, 0); }).starts_with("Embedding: expected a size of at least 1, got 0."));
  CHECK(message([] { (void)ConditionalBatchNorm(3, 2).output_shape({5, 4}); }).find("Build ConditionalBatchNorm{3, 4}") != std::string::npos);
  CHECK(message([] { (void)ConditionalAffine(3, 2).output_shape({5, 4}); }).find("Build ConditionalAffine{3, 4}") != std::string::npos);
  CHECK(message([] { (void)ProjectionHead(6, 2).output_shape({5, 4}); }) ==
        "ProjectionHead: expected N×6 features, got 5×4.\nBuild ProjectionHead{4, 2} or change the layer before it.");
  CHECK(message([] { (void)SemiSupervisedHead{3}.output_shape({5, 4}); }) ==
        "SemiSupervisedHead: expected N×3 class logits, got 5×4.\nPut a Dense{…, 3} before it.");
}
