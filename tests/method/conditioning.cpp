// SPDX-License-Identifier: Apache-2.0
// Players, methods and a trainer that depend on classes: labels in training, AC-GAN, InfoGAN, semi-supervised GANs.
#include "allocations.hpp"
#include "method/methods.hpp"
#include "nash/data/batch.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/method/auxiliary_classifier.hpp"
#include "nash/method/feature_matching.hpp"
#include "nash/method/gradient_penalty.hpp"
#include "nash/method/infogan.hpp"
#include "nash/method/r1.hpp"
#include "nash/method/replay_pool.hpp"
#include "nash/method/semi_supervised.hpp"
#include "nash/model/cgan.hpp"
#include "nash/model/spectral_normalise.hpp"

using namespace nash;

namespace {

/// 5×5 pixels of one of three classes; latents of 3 values that know the class, with codes behind them.
template <class T = double>
auto conditional_generator(const Latent& latent = Latent::class_normal(3, 3).with_category(3).with_continuous(2)) {
  Generator g{latent, Sequential{ConditionalConcat<T>{3, {.embedding = 2}}, Dense<T>{latent.size() + 2, 6}, ConditionalBatchNorm<T>{3, 6}, Tanh<T>{},
                                 Dense<T>{6, 25}, Tanh<T>{}, Reshape<T>{5, 5, 1}}};
  g.initialise(3);
  return g;
}

template <class T = double>
auto conditional_critic(index_t heads = 0) {
  Discriminator d{Sequential{ConditionalConcat<T>{3}, Conv2d<T>{4, 2, {.kernel = 3, .stride = 2}}, Tanh<T>{}, ConditionalAffine<T>{3, 2},
                             Dense<T>{8, 4}, Softplus<T>{}, Dense<T>{4, 1 + heads}}};
  d.initialise(4);
  return d;
}

/// The class as a vector that is learned, beside each pixel.
auto embedding_concat_critic() {
  Discriminator d{Sequential{ConditionalConcat<double>{3, {.embedding = 2}}, Conv2d<double>{3, 2, {.kernel = 3, .stride = 2}}, Tanh<double>{}, Dense<double>{8, 4},
                             Softplus<double>{}, Dense<double>{4, 1}}};
  d.initialise(4);
  return d;
}

/// A bias for each class, in front of what is curved.
auto embedding_critic() {
  Discriminator d{Sequential{Residual{Dense<double>{25, 5}, Embedding<double>{3, 5}}, Tanh<double>{}, Dense<double>{5, 1}}};
  d.initialise(4);
  return d;
}

auto semi_supervised_critic() {
  Discriminator d{Sequential{Dense<double>{25, 4}, Tanh<double>{}, Dense<double>{4, 3}, SemiSupervisedHead<double>{3}}};
  d.initialise(8);
  return d;
}

auto projection_critic() {
  Discriminator d{Sequential{Dense<double>{25, 5}, Tanh<double>{}, ProjectionHead<double>{5, 3}}};
  d.initialise(4);
  return d;
}

Dataset labelled_digits(index_t count = 7, int classes = 3) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(25 * count));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(RandomStream(6).bits(static_cast<index_t>(i)));
  return Dataset("digits", {count, 5, 5, 1}, pixels, labels_in_turn(count, classes));
}

/// G's gradient against differences of what the methods add to its loss.
template <class G, class D, class... Methods>
void check_generator_term(const G& g, const D& d, const Methods&... methods) {
  std::vector<double> gradients;
  const auto value_of = [&](const G& at) {
    GanTrainer trainer{at, d, NoLoss{}, {.seed = 3, .phases = {{Player::generator}}, .threads = 1}, methods...};
    trainer.set_gradient_reduction([&](Player, Tensor<double>& all) { gradients = all.to_host(); });
    return *trainer.step(random_images<double>({4, 5, 5, 1}), labels_in_turn(4, 3)).g_added;
  };
  CHECK(value_of(g) > 0);
  const std::vector<double> analytic = gradients;
  G moved = g;
  for (index_t i = 0; i < g.parameters().count(); i += 3) {
    const double kept = g.parameters()[i], h = 1e-5;
    moved.parameters()[i] = kept + h;
    const double above = value_of(moved);
    moved.parameters()[i] = kept - h;
    const double below = value_of(moved);
    moved.parameters()[i] = kept;
    CHECK(std::abs(analytic[static_cast<std::size_t>(i)] - (above - below) / (2 * h)) < 1e-7);
  }
}

/// Keeps the labels that it is told of in each term.
struct NoteLabels {
  std::vector<std::vector<std::int32_t>>* seen;
  index_t known = 3;
  index_t classes() const { return known; }
  template <class T>
  double add_to_loss(const Update<Cpu>& update, LossTerm, const Tensor<T>&, Tensor<T>&) const {
    seen->emplace_back(update.labels.values, update.labels.values + update.labels.count);
    return 0;
  }
};

}  // namespace

TEST_CASE("penalties on conditional critics are of the samples' own classes, their gradients those of their values") {
  check_penalty(conditional_critic(), GradientPenalty{10}, R1{1});
  check_penalty(projection_critic(), GradientPenalty{1});
  check_penalty(spectral_normalise(projection_critic()), GradientPenalty{1});
  check_penalty(embedding_concat_critic(), GradientPenalty{10}, R1{1});
  check_penalty(embedding_critic(), GradientPenalty{10}, R1{1});
}

TEST_CASE("so are those on the critic of a semi-supervised GAN, of the logit that is a sum of its classes'") {
  check_penalty(semi_supervised_critic(), GradientPenalty{10});
  check_penalty(semi_supervised_critic(), R1{1}, R2{0.5});
}

TEST_CASE("cross-entropy: value and gradient by hand, without overflow") {
  Context<Cpu> context(1);
  const Tensor<double> logits({2, 4}, std::vector<double>{9, 0, std::log(2), std::log(5), 9, 1000, -1000, 999});
  auto d = Tensor<double>::filled({2, 4}, 1);
  const std::vector<std::int32_t> labels{1, 2};
  const double value = add_cross_entropy(context, 3, LabelOfRow{labels.data()}, 1, 3, logits, d);
  const double p = 1 / (1 + std::exp(1.0));  // of the last class of row 1
  CHECK(value == doctest::Approx(1.5 * (-std::log(0.25) - std::log(p))).epsilon(1e-14));
  const std::vector<double> expected{1, 1 + 1.5 / 8, 1 + 1.5 * (0.25 - 1), 1 + 1.5 * 5 / 8, 1, 1 + 1.5 * (1 - p), 1, 1 + 1.5 * (p - 1)};
  CHECK(relative_difference(d.to_host(), expected) < 1e-14);
}

TEST_CASE("AuxiliaryClassifier's gradients are those of its value, for both players") {
  check_penalty_with(conditional_generator(), conditional_critic(3), AuxiliaryClassifier{0.7});
  check_generator_term(conditional_generator(), conditional_critic(4), AuxiliaryClassifier{0.7, {.classes = 3}});
}

TEST_CASE("Infogan's gradients are those of its value, for both players, beside class heads as well") {
  check_penalty_with(conditional_generator(), conditional_critic(3 + 2), Infogan{0.7, {.continuous_weight = 0.3}});
  check_generator_term(conditional_generator(), conditional_critic(3 + 3 + 2), Infogan{1.5}, AuxiliaryClassifier{0.5, {.classes = 3}});
}

TEST_CASE("Infogan's term by hand: the codes of the latents against the last outputs") {
  Context<Cpu> context(1);
  const Update<Cpu> update{context, Player::generator, 1, 0, RandomStream(1)};
  const Generator g{Latent::normal(1).with_category(2).with_continuous(1), Sequential{Dense<double>{4, 2}}};
  const Discriminator d{Sequential{Dense<double>{2, 5}}};  // one output more than needed, before the codes'
  Infogan::Work<decltype(g), decltype(d)> work(Infogan{2, {.continuous_weight = 3}}, g, d);
  const Tensor<double> latents({2, 4}, std::vector<double>{0.3, 0, 1, 0.5, 0.1, 1, 0, -1}), outputs({2, 5}, std::vector<double>{7, 8, 0, std::log(3), 1, 7, 8, 2, 2, -3});
  auto d_outputs = Tensor<double>::zeros({2, 5});
  // −log ¾ and −log ½; ½·0.5² and ½·2²
  CHECK(work.recover(update, latents, outputs, d_outputs) == doctest::Approx(std::log(4.0 / 3) + std::log(2.0) + 1.5 * (0.125 + 2)).epsilon(1e-14));
  const std::vector<double> expected{0, 0, 0.25, -0.25, 1.5 * 0.5, 0, 0, -0.5, 0.5, 1.5 * -2};
  CHECK(relative_difference(d_outputs.to_host(), expected) < 1e-14);
}

TEST_CASE("SemiSupervised's gradient is that of its value; it draws labelled samples with their labels") {
  const auto d = semi_supervised_critic();
  check_penalty(d, SemiSupervised{labelled_digits(), 2, {.batch_size = 5}});

  // A batch of one: the value is the cross-entropy of one of the labelled samples with its own label.
  const Dataset three = labelled_digits(3);
  Context<Cpu> context(1);
  Tensor<double> images({3, 5, 5, 1}), logits;
  for (index_t i = 0; i < 75; ++i) images[i] = three.image(i / 25)[static_cast<std::size_t>(i % 25)] / 255.0;
  d.discriminate(context, images, logits);
  std::array<int, 3> drawn{};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    GanTrainer trainer{tiny_generator(), d, NoLoss{}, {.seed = seed, .phases = {{Player::discriminator}}}, SemiSupervised{three, 1, {.batch_size = 1, .low = 0}}};
    const double value = *trainer.step(random_images<double>({4, 5, 5, 1})).d_added;
    for (index_t n = 0; n < 3; ++n) drawn[static_cast<std::size_t>(n)] += value == doctest::Approx(logits[4 * n] - logits[4 * n + 1 + three.label(n)]).epsilon(1e-12);
  }
  CHECK(drawn[0] + drawn[1] + drawn[2] == 20);
  CHECK(*std::min_element(drawn.begin(), drawn.end()) > 0);
}

TEST_CASE("with weight 0 they change no bit, nor do labels that nobody depends on") {
  const auto after_two = [](const auto&... methods) {
    GanTrainer trainer{conditional_generator(), conditional_critic(5), NonSaturating{}, {.seed = 4}, methods...};
    for (int step = 0; step < 2; ++step) trainer.step(random_images<double>({6, 5, 5, 1}, 1), labels_in_turn(6, 3));
    return state_values(trainer.discriminator());
  };
  CHECK(same_bits(after_two(AuxiliaryClassifier{0, {.classes = 3}}, Infogan{0, {.continuous_weight = 0}}, SemiSupervised{labelled_digits(), 0}), after_two()));
  CHECK_FALSE(same_bits(after_two(AuxiliaryClassifier{1, {.classes = 3}}), after_two()));

  const auto plain = [](std::vector<std::int32_t> labels) {
    GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4}};
    trainer.step(random_images({6, 8, 8, 1}), labels);
    return state_values(trainer.generator());
  };
  CHECK(same_bits(plain({}), plain({9, -1})));
}

TEST_CASE("the fakes of a step have the labels of its real images") {
  std::vector<std::vector<std::int32_t>> seen;
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, NoteLabels{&seen}};
  const Batch<> batch{.images = random_images({3, 8, 8, 1}), .labels = {2, 0, 1}, .classes = 3};
  trainer.step(batch);
  CHECK(seen == std::vector<std::vector<std::int32_t>>(3, {2, 0, 1}));  // real, fake, generator
}

TEST_CASE("labels that are missing or out of range are refused before the first update") {
  const auto message = [](const std::vector<std::int32_t>& labels, index_t classes = 0) {
    GanTrainer trainer{conditional_generator(), conditional_critic(), NonSaturating{}, {.seed = 4}};
    const auto before = state_values(trainer.discriminator());
    const std::string text = message_of<DataError>([&] { trainer.step(random_images<double>({4, 5, 5, 1}), labels, classes); });
    CHECK(trainer.steps() == (text.empty() ? 1 : 0));
    CHECK(same_bits(state_values(trainer.discriminator()), before) == !text.empty());
    return text;
  };
  CHECK(message({}) ==
        "GanTrainer: expected a label for each of 4 real images, since there is something that knows 3 classes, got none.\nTrain on a dataset with labels.");
  CHECK(message({0, 1, 2}).find("got 3.") != std::string::npos);
  CHECK(message({0, 1, 3, 2}) ==
        "GanTrainer: expected labels from 0 to 2, got 3 for image 2 of the batch.\nBuild the players for as many classes as the data have.");
  CHECK(message({0, 1, 2, -1}).find("got -1 for image 3") != std::string::npos);
  CHECK(message({0, 1, 2, 0}, 10).find("got a dataset whose labels go up to 9.") != std::string::npos);
  CHECK(message({0, 1, 2, 0}, 3).empty());
}

struct ExchangingMethod {
  static constexpr const char* name = "ExchangingMethod";
  static constexpr bool exchanges_fakes = true;
  void change_images(const Update<Cpu>&, ImageSource, Tensor<double>&) const {}
};

TEST_CASE("what does not fit is refused when the trainer is made") {
  const auto message = [](const auto& g, const auto& d, const auto&... methods) {
    return message_of<ShapeError>([&] { GanTrainer(g, d, NonSaturating{}, {}, methods...); });
  };
  const auto plain = tiny_generator();
  CHECK(message(conditional_generator(), conditional_critic(), AuxiliaryClassifier{}) ==
        "AuxiliaryClassifier: expected a discriminator with N×(1+C) outputs, C of at least 2 for classes, got N×1.\nEnd it with Dense{…, 3}.");
  CHECK(message(conditional_generator(), conditional_critic(3), AuxiliaryClassifier{1, {.classes = 4}}).find("C of at least 4") != std::string::npos);
  CHECK(message(plain, conditional_critic(3), Infogan{}).starts_with("Infogan: expected a latent with codes, got one without."));
  CHECK(message(conditional_generator(), conditional_critic(4), Infogan{}).find("C of at least 5 for the codes, got N×5.") != std::string::npos);
  CHECK(message(plain, conditional_critic(2), SemiSupervised{labelled_digits()}).find("C of at least 3 for the classes of the labels") != std::string::npos);
  CHECK(message(plain, conditional_critic(3), SemiSupervised{labelled_digits(), 1, {.classes = 2}}).find("at least 3 classes") != std::string::npos);
  CHECK(message(small_generator<double>(), conditional_critic(3), SemiSupervised{labelled_digits()}) ==
        "SemiSupervised: expected images of the generator's shape, N×8×8×1, got 7×5×5×1.\nGive labelled images of the same kind as the others.");
  CHECK(message(plain, conditional_critic(), ReplayPool{}) ==
        "GanTrainer: expected each fake with its own label and latent where something depends on them, got a method that exchanges fakes with "
        "past ones.\nLeave ReplayPool out.");
  CHECK(message(plain, conditional_critic(), ExchangingMethod{}).ends_with("\nLeave ExchangingMethod out."));
  CHECK(message_of<DataError>([] { SemiSupervised(Dataset("photos", {1, 5, 5, 1}, std::vector<std::uint8_t>(25))); }) ==
        "photos: expected labelled images for SemiSupervised, got none with a label.\nGive it a slice of a dataset with labels.");
  CHECK_THROWS_AS(AuxiliaryClassifier{-1}, ShapeError);
  CHECK_THROWS_AS(Infogan{std::nan("")}, ShapeError);
  CHECK_THROWS_AS(SemiSupervised(labelled_digits(), 1, {.batch_size = 0}), ShapeError);
}

namespace {

/// Checks that trainers which differ in their threads alone give the same bits, and allocate nothing once they have run.
template <class MakeTrainer>
void check_steady_with_threads(const MakeTrainer& make_trainer) {
  const auto run = [&](int threads) {
    auto trainer = make_trainer(threads);
    const auto images = random_images({50, 5, 5, 1});
    const auto labels = labels_in_turn(50, 3);
    for (int step = 0; step < 2; ++step) trainer.step(images, labels);
    const std::int64_t before = allocation_count();
    for (int step = 0; step < 2; ++step) trainer.step(images, labels);
    if (counts_allocations()) CHECK(allocation_count() == before);
    return state_values(trainer.discriminator());
  };
  CHECK(same_bits(run(1), run(2)));
}

}  // namespace

TEST_CASE("a conditional run is bit-identical for any number of threads, and allocates nothing once it has run") {
  check_steady_with_threads([](int threads) {
    return GanTrainer{conditional_generator<float>(), conditional_critic<float>(3 + 3 + 2), NonSaturating{}, {.seed = 3, .threads = threads},
                      AuxiliaryClassifier{1, {.classes = 3}}, Infogan{}, SemiSupervised{labelled_digits(), 1, {.classes = 3}}, GradientPenalty{1}, FeatureMatching{1}};
  });
}

TEST_CASE("so is that of a projection discriminator whose matrices are all normalised") {
  check_steady_with_threads([](int threads) {
    Discriminator d{Sequential{Residual{Dense{25, 6}, Embedding{3, 6}}, Maxout{6, 5}, ProjectionHead{5, 3}}};
    d.initialise(4);
    return GanTrainer{conditional_generator<float>(), spectral_normalise(d), Hinge{}, {.seed = 3, .average_decay = 0.9, .threads = threads}, GradientPenalty{1}};
  });
}

TEST_CASE("the networks of the first conditional GAN have its sizes, train, and make samples of the class that is asked for") {
  auto g = cgan_generator();
  auto d = cgan_discriminator();
  CHECK(g.parameters().count() == 100 * 200 + 200 + 10 * 1000 + 1200 * 1200 + 1200 + 1200 * 784 + 784);
  CHECK(d.parameters().count() == 784 * 240 * 5 + 240 * 5 + 10 * 50 + 290 * 240 * 4 + 240 * 4 + 240 + 1);
  CHECK(g.classes() == 10);
  GanTrainer trainer{cgan_generator({.classes = 3, .height = 4, .width = 4}), cgan_discriminator({.classes = 3, .height = 4, .width = 4}), NonSaturating{},
                     {.seed = 1}};
  const StepReport report = trainer.step(random_images({6, 4, 4, 1}), labels_in_turn(6, 3));
  CHECK(std::isfinite(*report.d_loss));
  const auto samples = trainer.generator().generate(trainer.context(), RandomStream(2), Labels<>(std::vector<std::int32_t>{0, 1, 2}));
  CHECK(samples.shape() == Shape{3, 4, 4, 1});
  Tensor<float> z({2, 100}), pair;
  std::fill(z.begin(), z.end(), 0.5f);
  trainer.generate(z, pair, Labels<>(std::vector<std::int32_t>{1, 2}).view());
  const auto values = pair.to_host();
  CHECK(std::vector(values.begin(), values.begin() + 16) != std::vector(values.begin() + 16, values.end()));  // one latent, two classes
}
