// SPDX-License-Identifier: Apache-2.0
#include "method/methods.hpp"
#include "nash/method/adaptive_augmentation.hpp"
#include "nash/method/diff_augment.hpp"
#include "nash/method/logan.hpp"

using namespace nash;

namespace {

constexpr AugmentationOptions no_augmentation{.brightness = 0, .saturation = 0, .contrast = 0, .translation = 0, .cutout = 0};

auto small_critic() { return Discriminator{Sequential{Dense<double>{25, 6}, Softplus<double>{}, Dense<double>{6, 1}}}; }

Tensor<double> augmented(const AugmentationOptions& options, Tensor<double> images) {
  Context<Cpu> context(2);
  Augmenter<double, Cpu>().apply(context, RandomStream(4), options, images);
  return images;
}

Augmentation drawn(const AugmentationOptions& options, const Shape& shape, index_t n) {
  return DrawAugmentation{RandomStream(4), options, shape[1], shape[2], nullptr}.of(n);
}

}  // namespace

TEST_CASE("colours: brightness, then saturation about each pixel's mean, then contrast about the image's") {
  const AugmentationOptions colours{.translation = 0, .cutout = 0};
  const auto x = random_images<double>({3, 4, 5, 3});
  const auto y = augmented(colours, x);
  for (index_t n = 0; n < 3; ++n) {
    const Augmentation a = drawn(colours, x.shape(), n);
    std::vector<double> image(x.begin() + n * 60, x.begin() + (n + 1) * 60);
    for (double& v : image) v += a.brightness;
    for (std::size_t pixel = 0; pixel < 20; ++pixel) {
      const double mean = (image[3 * pixel] + image[3 * pixel + 1] + image[3 * pixel + 2]) / 3;
      for (std::size_t c = 0; c < 3; ++c) image[3 * pixel + c] = (image[3 * pixel + c] - mean) * a.saturation + mean;
    }
    const double mean = std::accumulate(image.begin(), image.end(), 0.0) / 60;
    for (double& v : image) v = (v - mean) * a.contrast + mean;
    for (index_t i = 0; i < 60; ++i) CHECK(y[n * 60 + i] == doctest::Approx(image[static_cast<std::size_t>(i)]).epsilon(1e-13));
  }
}

TEST_CASE("a shift brings in zeros, and a cut leaves a square of them") {
  AugmentationOptions shift = no_augmentation, cut = no_augmentation;
  shift.translation = 0.25, cut.cutout = 0.5;
  const auto x = random_images<double>({6, 8, 12, 2});
  const auto shifted = augmented(shift, x), cut_out = augmented(cut, x);
  index_t moved = 0;
  for (index_t n = 0; n < 6; ++n) {
    const Augmentation a = drawn(shift, x.shape(), n), b = drawn(cut, x.shape(), n);
    CHECK((std::abs(a.down) <= 2 && std::abs(a.right) <= 3));
    CHECK((b.cut_height == 4 && b.cut_width == 6 && b.cut_top >= -2 && b.cut_top <= 6 && b.cut_left >= -3 && b.cut_left <= 9));
    moved += a.down != 0 || a.right != 0;
    for (index_t row = 0; row < 8; ++row)
      for (index_t column = 0; column < 12; ++column)
        for (index_t c = 0; c < 2; ++c) {
          const auto at = [&](index_t r, index_t s) { return r < 0 || r > 7 || s < 0 || s > 11 ? 0 : x[((n * 8 + r) * 12 + s) * 2 + c]; };
          const index_t i = ((n * 8 + row) * 12 + column) * 2 + c;
          REQUIRE(shifted[i] == at(row - a.down, column - a.right));
          REQUIRE(cut_out[i] == (b.cuts(row, column) ? 0 : x[i]));
        }
  }
  CHECK(moved > 3);
}

TEST_CASE("options of 0 change no bit") {
  const auto x = random_images<double>({3, 4, 5, 3});
  CHECK(same_bits(augmented(no_augmentation, x).to_host(), x.to_host()));
}

TEST_CASE("DiffAugment's maps are drawn uniformly from their ranges, each by itself") {
  const AugmentationOptions all;
  int bright = 0, saturated = 0, contrasted = 0, down = 0, both = 0;
  for (index_t n = 0; n < 2000; ++n) {
    const Augmentation a = drawn(all, {2000, 16, 16, 1}, n);
    CHECK((std::abs(a.brightness) <= 0.5 && a.saturation >= 0 && a.saturation <= 2 && a.contrast >= 0.5 && a.contrast <= 1.5));
    CHECK((a.cut_height == 8 && a.cut_width == 8 && std::abs(a.down) <= 2 && std::abs(a.right) <= 2));
    bright += a.brightness > 0.2, saturated += a.saturation > 1.4, contrasted += a.contrast > 1.2;  // in three cases of ten
    down += a.down == 2;                                                                             // in one of five
    both += a.brightness > 0.2 && a.contrast > 1.2;
  }
  for (const int count : {bright, saturated, contrasted}) CHECK(std::abs(count - 600) < 82);  // four standard deviations
  CHECK(std::abs(down - 400) < 72);
  CHECK(std::abs(both - 180) < 51);
}

TEST_CASE("the way back is the adjoint of the change") {
  Context<Cpu> context(1);
  const AugmentationOptions options{.translation = 0.3, .cutout = 0.4};
  for (const Shape& shape : {Shape{5, 7, 6, 3}, Shape{4, 5, 5, 1}}) {
    const auto x = random_images<double>(shape, 1), d = random_images<double>(shape, 2);
    const auto changed = augmented(options, x), at_zero = augmented(options, Tensor<double>::zeros(shape));
    auto back = d;
    Augmenter<double, Cpu>().apply_backward(context, RandomStream(4), options, back);
    double forward = 0, backward = 0;
    for (index_t i = 0; i < x.count(); ++i) forward += d[i] * (changed[i] - at_zero[i]), backward += back[i] * x[i];
    CHECK(forward == doctest::Approx(backward).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE("both players' gradients through augmentations are those of their losses, by differences: D's where LOGAN goes back through them",
                   Augmentation, DiffAugment, AdaptiveAugmentation<PixelBlit, GeometricWarp, ColourChange, BandFilter, Corruption>) {
  const Augmentation augmentation = [] {
    if constexpr (std::is_same_v<Augmentation, DiffAugment>) return Augmentation{{.translation = 0.2}};
    else return Augmentation{{.probability = 0.7}};
  }();
  auto g = tiny_generator();
  auto d = small_critic();
  g.initialise(1), d.initialise(2);
  const auto run = [&](Player player) {
    std::vector<double> gradients;
    GanTrainer trainer{g, d, NonSaturating{}, {.seed = 3, .phases = {{player}}, .threads = 1}, Logan{0.5}, augmentation};
    trainer.set_gradient_reduction([&](Player, Tensor<double>& all) { gradients = all.to_host(); });
    const StepReport report = trainer.step(random_images<double>({4, 5, 5, 1}));
    return std::pair{player == Player::generator ? *report.g_loss + *report.g_added : *report.d_loss + *report.d_added, gradients};
  };
  const auto check = [&](Player player, auto& network) {
    CAPTURE(name_of(player));
    const auto at = run(player).second;
    for (index_t i = 0; i < network.parameters().count(); i += 5) {
      const double kept = network.parameters()[i], h = 1e-5;
      network.parameters()[i] = kept + h;
      const double above = run(player).first;
      network.parameters()[i] = kept - h;
      const double below = run(player).first;
      network.parameters()[i] = kept;
      CHECK(std::abs(at[static_cast<std::size_t>(i)] - (above - below) / (2 * h)) < 1e-8);
    }
  };
  check(Player::generator, g);
  check(Player::discriminator, d);
}

TEST_CASE("ADA raises p while D is sure of real images, lowers it else, and at 0 changes no bit") {
  const auto run = [](double bias, auto&& after_step, auto... methods) {
    auto d = small_critic();
    d.initialise(1);
    d.parameters()[d.parameters().count() - 1] = bias;  // every logit has its sign
    GanTrainer trainer{tiny_generator(), d, NonSaturating{}, {.seed = 4}, methods...};
    for (int step = 0; step < 12; ++step) trainer.step(random_images<double>({6, 5, 5, 1})), after_step(trainer, step);
    return state_values(trainer.discriminator());
  };
  const auto ada = [](double probability) { return AdaptiveAugmentation{{.interval = 2, .images = 48, .probability = probability}}; };
  const double up[] = {0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1, 1, 1, 1}, down[] = {0.6, 0.35, 0.35, 0.1, 0.1, 0, 0, 0, 0, 0, 0, 0};
  const auto expect = [](const double(&values)[12]) {
    return [&](auto& trainer, int step) {
      CHECK(trainer.template method<AdaptiveAugmentation>().probability() == doctest::Approx(values[step]).epsilon(1e-12));
      if (step > 0) return;
      std::string state;
      std::remove_cvref_t<decltype(trainer.methods())>::visit_state(trainer.methods(), [&](const StateName& name, const auto&) { state += name.text() + " "; });
      CHECK(state == "0.probability 0.signs 0.seen 0.updates ");
    };
  };
  run(9, expect(up), ada(0));
  run(-9, expect(down), ada(0.6));
  const auto nothing = [](auto&, int) {};
  CHECK(same_bits(run(-9, nothing, ada(0)), run(-9, nothing)));
}

TEST_CASE("ADA has the maps that it is given: the authors' bgc where nothing is said, in this order, each by draws of its own") {
  const auto x = random_images<double>({8, 6, 6, 3});
  const auto shown = [&](const auto& method) {
    auto g = tiny_generator();
    auto d = small_critic();
    typename std::remove_cvref_t<decltype(method)>::template Work<decltype(g), decltype(d)> work(method, g, d);
    Context<Cpu> context(1);
    auto images = x;
    work.change_images({context, Player::discriminator, 1, 0, RandomStream(7)}, ImageSource::real, images);
    return images.to_host();
  };
  constexpr AdaptiveAugmentationOptions always{.probability = 1};
  const auto bgc = shown(AdaptiveAugmentation{always});
  CHECK(same_bits(bgc, shown(AdaptiveAugmentation{always, PixelBlit{}, GeometricWarp{}, ColourChange{}})));
  CHECK_FALSE(same_bits(bgc, shown(AdaptiveAugmentation{always, PixelBlit{}, GeometricWarp{}})));
  CHECK_FALSE(same_bits(bgc, shown(AdaptiveAugmentation{always, ColourChange{}, GeometricWarp{}, PixelBlit{}})));
  const GeometricWarp still{.scale = 0, .rotation = 0, .anisotropy = 0, .translation = 0};
  CHECK(same_bits(shown(AdaptiveAugmentation{always, still}), x.to_host()));
  auto by_hand = x;  // one chain of each family, as the whole one draws it
  Context<Cpu> context(1);
  const RandomStream random = RandomStream(7).child(0);
  PixelBlit::Maps<double, Cpu>(PixelBlit{}).apply(context, {random.child(0), 1}, false, by_hand);
  Corruption::Maps<double, Cpu>(Corruption{}).apply(context, {random.child(1), 1}, false, by_hand);
  CHECK(same_bits(shown(AdaptiveAugmentation{always, PixelBlit{}, Corruption{}}), by_hand.to_host()));
}

TEST_CASE("what augmentation refuses") {
  CHECK(message_of<ShapeError>([] { AdaptiveAugmentation{{}, GeometricWarp{.scale = 2}}; }).find("GeometricWarp: expected a deviation of the scale") == 0);
  CHECK(message_of<ShapeError>([] { DiffAugment{{.brightness = -1}}; }) ==
        "DiffAugment: expected a brightness, finite and at least 0, got -1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([] { DiffAugment{{.cutout = 1.5}}; }) ==
        "DiffAugment: expected a cutout from 0 to 1, a share of the sides, got 1.5.\nUse less.");
  CHECK(message_of<ShapeError>([] { AdaptiveAugmentation{{.target = 2}}; }) == "AdaptiveAugmentation: expected a target from −1 to 1, got 2.\nUse 0.6.");
  CHECK(message_of<ShapeError>([] { augmented({}, random_images<double>({3, 4})); }) ==
        "Augmentation: expected N×H×W×C images, got 3×4.\nEnd the generator with such images.");
}
