// SPDX-License-Identifier: Apache-2.0
#include "nash/method/logan.hpp"

#include "method/methods.hpp"

using namespace nash;

namespace {

/// Smooth networks with BatchNorm and dropout on both sides, for differences by their parameters.
auto smooth_generator(const Latent& latent = Latent::normal(3)) {
  Generator g{latent, Sequential{Dense<double>{3, 8}, BatchNorm<double>{8}, Softplus<double>{}, SpectralNorm{Dense<double>{8, 6}}, Tanh<double>{}}};
  g.initialise(1);
  return g;
}
auto smooth_discriminator() {
  Discriminator d{Sequential{Dense<double>{6, 7}, BatchNorm<double>{7}, Tanh<double>{}, Dropout<double>{0.2}, SpectralNorm{Dense<double>{7, 5}},
                             Softplus<double>{}, Dense<double>{5, 1}}};
  d.initialise(2);
  return d;
}

struct Outcome {
  double value;
  std::vector<double> gradients;
};

/// A player's whole loss in the first update, and its gradient.
template <class G, class D>
Outcome update_of(Player player, const G& g, const D& d, const Logan& method) {
  Outcome found{};
  GanTrainer trainer{g, d, NonSaturating{}, {.seed = 3, .phases = {{player}}, .threads = 1}, method};
  trainer.set_gradient_reduction([&](Player, Tensor<double>& gradients) { found.gradients = gradients.to_host(); });
  const StepReport report = trainer.step(random_images<double>({5, 6}));
  found.value = player == Player::generator ? *report.g_loss + *report.g_added : *report.d_loss + *report.d_added;
  return found;
}

void check_gradient(Player player, const Logan& method, const Latent& latent = Latent::normal(3)) {
  CAPTURE(name_of(player));
  auto g = smooth_generator(latent);
  auto d = smooth_discriminator();
  const Outcome at = update_of(player, g, d, method);
  Context<Cpu> context(1);
  const auto compare = [&](auto& network) {
    for (index_t i = 0; i < network.parameters().count(); i += 2) {
      const double kept = network.parameters()[i], h = 1e-5;
      const auto value_at = [&](double theta) {
        network.parameters()[i] = theta;
        network.restore(context);
        return update_of(player, g, d, method).value;
      };
      const double difference = (value_at(kept + h) - value_at(kept - h)) / (2 * h);
      network.parameters()[i] = kept;
      CAPTURE(i);
      CHECK(std::abs(at.gradients[static_cast<std::size_t>(i)] - difference) < 2e-8);
    }
    network.restore(context);
  };
  player == Player::generator ? compare(g) : compare(d);
}

}  // namespace

TEST_CASE("both players' gradients are those of their losses at the moved latents, through the move, by differences") {
  for (const Player player : {Player::discriminator, Player::generator}) {
    check_gradient(player, Logan{0.7, {.natural = false}});
    check_gradient(player, Logan{0.9, {.damping = 0.3, .regularisation = 0.2}});
    check_gradient(player, Logan{2, {.natural = false, .regularisation = 0.1}}, Latent::uniform(3, 0.8));  // some are clipped
    check_gradient(player, Logan{0.9, {.damping = 0.3, .regularisation = 0.2, .share = 0.6}});
  }
}

TEST_CASE("latents move by the formula, and bounded ones stay within their bound") {
  Context<Cpu> context(1);
  Generator g{Latent::normal(2), Sequential{Dense<double>{2, 2}}};
  g.initialise(1);
  g.parameters().assign_from_host(std::vector<double>{1, 0, 0, 2, 0, 0});
  Discriminator d{Sequential{Dense<double>{2, 1}}};
  d.initialise(1);
  d.parameters().assign_from_host(std::vector<double>{3, 2, 0});  // the gradient by z is (3, 4)
  const auto moved = [&](const Logan& method, const auto& generator) {
    Logan::Work<std::remove_cvref_t<decltype(generator)>, decltype(d)> work(method, generator, d);
    Tensor<double> z({1, 2}, std::vector<double>{0.5, -0.25});
    work.change_latents(Update<Cpu>{context, Player::generator, 1, 0, {}}, generator, d, z);
    return z.to_host();
  };
  CHECK(moved(Logan{0.5, {.natural = false}}, g) == std::vector<double>{2, 1.75});
  const auto natural = moved(Logan{0.5, {.damping = 5}}, g);
  CHECK(natural[0] == doctest::Approx(0.5 + 0.5 * 3 / 30).epsilon(1e-14));
  CHECK(natural[1] == doctest::Approx(-0.25 + 0.5 * 4 / 30).epsilon(1e-14));
  Generator bounded{Latent::uniform(2), g.body()};
  bounded.mark_loaded(context);
  CHECK(moved(Logan{0.5, {.natural = false}}, bounded) == std::vector<double>{1, 1});
  Generator of_classes{Latent::class_normal(2, 3, 0.1), g.body()};  // its bound is that of the means
  of_classes.mark_loaded(context);
  CHECK(moved(Logan{0.5, {.natural = false}}, of_classes) == std::vector<double>{2, 1.75});
}

TEST_CASE("a share of the samples moves, others in each update, and these as they would by themselves") {
  Context<Cpu> context(1);
  auto g = smooth_generator();
  auto d = smooth_discriminator();
  const index_t samples = 1000;
  const auto from = random_images<double>({samples, 3}).to_host();
  const auto moved = [&](double share, std::uint64_t seed) {
    Logan::Work<decltype(g), decltype(d)> work(Logan{0.9, {.share = share}}, g, d);
    Tensor<double> z({samples, 3}, from);
    work.change_latents(Update<Cpu>{context, Player::generator, 1, 0, RandomStream(seed)}, g, d, z);
    return z.to_host();
  };
  // Whether each sample moved; one that did has gone as far as where all do.
  const auto which = [&](double share, std::uint64_t seed) {
    const auto some = moved(share, seed), all = moved(1, seed);
    std::vector<bool> found;
    for (std::size_t n = 0; n < samples; ++n) {
      const auto row = [&](const std::vector<double>& values) { return std::vector<double>(values.begin() + 3 * n, values.begin() + 3 * n + 3); };
      found.push_back(row(some) != row(from));
      CHECK(row(some) == row(found.back() ? all : from));
    }
    return found;
  };
  const auto once = which(0.8, 1), again = which(0.8, 2);
  CHECK(std::abs(std::count(once.begin(), once.end(), true) - 800) < 60);  // 4.7 standard deviations
  CHECK(once != again);
  CHECK(moved(0, 1) == from);
}

TEST_CASE("α = 0 changes no bit; above it latents move") {
  const auto run = [](auto... methods) {
    GanTrainer trainer{smooth_generator(), smooth_discriminator(), NonSaturating{}, {.seed = 4}, methods...};
    return state_after(trainer, 3, {5, 6});
  };
  CHECK(same_bits(run(Logan{0}), run()));
  CHECK(same_bits(run(Logan{0.9, {.share = 0}}), run()));
  CHECK_FALSE(same_bits(run(Logan{0.9, {.share = 0.5}}), run(Logan{0.9})));
  CHECK_FALSE(same_bits(run(Logan{}), run()));
}

TEST_CASE("what latent optimisation refuses") {
  CHECK(message_of<ShapeError>([] { Logan{-1}; }) == "Logan: expected a rate, finite and at least 0, got -1.\nCorrect the option.");
  for (const double share : {-0.1, 1.5, std::nan("")}) CHECK(message_of<ShapeError>([&] { Logan(1, {.share = share}); }).starts_with("Logan: expected a share from 0 to 1, got "));
  for (const double share : {0.0, 1.0}) CHECK_NOTHROW(Logan(1, {.share = share}));
  CHECK(message_of<ShapeError>([] { Logan(1, {.damping = 0}); }) == "Logan: expected a damping above 0, got 0.\nUse 0.1.");
  CHECK(message_of<ShapeError>([] { GanTrainer(smooth_generator(Latent::normal(2).with_continuous(1)), smooth_discriminator(), NonSaturating{}, Logan{}); }) ==
        "Logan: expected latents without codes, got codes behind them.\nLeave the codes or the method out.");
  CHECK(message_of<ShapeError>([] { GanTrainer(smooth_generator(), smooth_discriminator(), NonSaturating{}, {.reuse_fakes = true}, Logan{}); }) ==
        "GanTrainer: expected with reuse_fakes no method that changes latents, got one that does.\nLeave that method or reuse_fakes out.");
}
