// SPDX-License-Identifier: Apache-2.0
#include "nash/method/feature_matching.hpp"

#include "method/methods.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

namespace {

/// The value that FeatureMatching adds, and G's gradients, where the game has no loss of its own.
template <class G, class D>
std::pair<double, std::vector<double>> matched(const G& g, const D& d, const FeatureMatching& method) {
  std::vector<double> gradients;
  GanTrainer trainer{g, d, NoLoss{}, {.seed = 3, .phases = {{Player::generator}}, .threads = 1}, method};
  trainer.set_gradient_reduction([&](Player, Tensor<double>& all) { gradients = all.to_host(); });
  const double value = *trainer.step(random_images<double>({4, 5, 5, 1})).g_added;
  return {value, gradients};
}

}  // namespace

TEST_CASE("FeatureMatching's gradient by the generator is that of its value, at one tap, at several, and at all") {
  auto g = tiny_generator();
  g.initialise(1);
  const auto d = curved_critic();
  for (const FeatureMatching& method : {FeatureMatching{1, {1}}, FeatureMatching{0.5, {0, 3, 9}}, FeatureMatching{2}, FeatureMatching{1, {10}}}) {
    const auto at = matched(g, d, method);
    CHECK(at.first > 0);
    auto moved = g;
    for (index_t i = 0; i < g.parameters().count(); i += 7) {
      const double kept = g.parameters()[i], h = 1e-5;
      moved.parameters()[i] = kept + h;
      const double above = matched(moved, d, method).first;
      moved.parameters()[i] = kept - h;
      const double below = matched(moved, d, method).first;
      moved.parameters()[i] = kept;
      CHECK(std::abs(at.second[static_cast<std::size_t>(i)] - (above - below) / (2 * h)) < 1e-7);
    }
  }
}

TEST_CASE("FeatureMatching is the squared distance of mean features") {
  Generator g{Latent::normal(2), Sequential{Dense<double>{2, 2}}};
  g.initialise(1);
  g.parameters().assign_from_host(std::vector<double>{0, 0, 0, 0, 1, 2});  // every fake is (1, 2)
  Discriminator d{Sequential{Dense<double>{2, 2}, Dense<double>{2, 1}}};
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{1, 0, 0, 3, 5, 5, 1, 1, 0});  // features (x + 5, 3y + 5)
  GanTrainer trainer{g, d, NoLoss{}, {.phases = {{Player::generator}}}, FeatureMatching{0.5, {0}}};
  const Tensor<double> real({2, 2}, std::vector<double>{0, 1, 4, 5});  // mean (2, 3)
  CHECK(*trainer.step(real).g_added == doctest::Approx(0.5 * (1 + 9)).epsilon(1e-14));
}

TEST_CASE("FeatureMatching of a discriminator put together at run time has the same bits as of one that the compiler knows") {
  using Any = AnyLayer<float>;
  const auto layers = [](bool one_more) {
    std::vector<Any> all{Dense{64, 6}, LeakyReLU{0.2}, Dense{6, 4}, Tanh{}, Dense{4, 1}};
    if (one_more) all.insert(all.begin(), Any{Flatten{}});
    return Discriminator{AnySequential<float>(std::move(all))};
  };
  Discriminator known{Sequential{Dense{64, 6}, LeakyReLU{0.2}, Dense{6, 4}, Tanh{}, Dense{4, 1}}};
  for (const FeatureMatching& method : {FeatureMatching{1}, FeatureMatching{2, {0, 2}}, FeatureMatching{1, {4}}}) {
    GanTrainer any{small_generator(), layers(false), NonSaturating{}, {.seed = 4}, method};
    GanTrainer same{small_generator(), known, NonSaturating{}, {.seed = 4}, method};
    CHECK(same_bits(state_after(any, 3, {6, 8, 8, 1}), state_after(same, 3, {6, 8, 8, 1})));
  }
  // Another discriminator of the same type has other layers: it is matched by what it has, or refused.
  GanTrainer trainer{small_generator(), layers(true), NonSaturating{}, {.seed = 4}, FeatureMatching{1, {5}}};
  const auto images = random_images<float>({6, 8, 8, 1});
  trainer.step(images);
  auto other = layers(false);
  other.initialise(1);
  CHECK(message_of<ShapeError>([&] {
          trainer.discriminator() = other;
          trainer.step(images);
        }).find("a discriminator of at least 6 layers") != std::string::npos);
}

TEST_CASE("FeatureMatching with weight 0 changes no bit; a layer that is not there is refused") {
  GanTrainer plain{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4}};
  GanTrainer matching{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 4}, FeatureMatching{0}};
  CHECK(same_bits(state_after(matching, 2, {6, 8, 8, 1}), state_after(plain, 2, {6, 8, 8, 1})));
  CHECK(message_of<ShapeError>([] { GanTrainer(small_generator(), small_discriminator(), NonSaturating{}, FeatureMatching(1, {7})); }) ==
        "FeatureMatching: expected layers from 0 to 6, got 7.\nName layers of the discriminator.");
}
