// SPDX-License-Identifier: Apache-2.0
#include "nash/method/colour_change.hpp"

#include "method/augmentation_checks.hpp"

using namespace nash;

namespace {

constexpr ColourChange no_change{.brightness = 0, .contrast = 0, .luma_flip = false, .hue = 0, .saturation = 0};

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}
/// a·I + b·vvᵀ + c·[v]ₓ, v = (1, 1, 1)/√3
Matrix about_grey(double a, double b, double c) {
  const double s = c / std::sqrt(3.0), g = b / 3;
  return {{{a + g, g - s, g + s}, {g + s, a + g, g - s}, {g - s, g + s, a + g}}};
}

}  // namespace

TEST_CASE("the way back of colours is the adjoint, for one channel, three and others") { check_family(ColourChange{}); }

TEST_CASE("colours: brightness, contrast, luma flip, hue and saturation as matrices, one after the other") {
  const Shape shape{40, 2, 3, 3};
  const auto x = random_images<double>(shape);
  const ColourChange all;
  const auto y = mapped(all, x);
  const MapDraws draws{RandomStream(4).child(0), 1};
  int flips = 0;
  for (index_t n = 0; n < 40; ++n) {
    const double b = 0.2 * draws.normal(n, 0), contrast = std::exp2(0.5 * draws.normal(n, 1)), saturation = std::exp2(draws.normal(n, 4));
    const double flip = draws.whole(n, 2, 2) == 1 ? 1 : 0, angle = std::numbers::pi * draws.uniform(n, 3, -1, 1);
    flips += flip == 1;
    const Matrix turn = about_grey(std::cos(angle), 1 - std::cos(angle), std::sin(angle));  // Rodrigues
    const Matrix m = about_grey(saturation, 1 - saturation, 0) * turn * about_grey(1, -2 * flip, 0) * about_grey(contrast, 0, 0);
    for (index_t pixel = n * 6; pixel < n * 6 + 6; ++pixel)
      for (std::size_t c = 0; c < 3; ++c) {
        double expected = 0;
        for (std::size_t k = 0; k < 3; ++k) expected += m[c][k] * (x[pixel * 3 + static_cast<index_t>(k)] + b);
        REQUIRE(std::abs(y[pixel * 3 + static_cast<index_t>(c)] - expected) < 1e-12);
      }
  }
  CHECK((flips > 8 && flips < 32));
}

TEST_CASE("an image of one channel becomes what a grey one of three does") {
  const auto grey = random_images<double>({10, 4, 4, 1});
  Tensor<double> three(Shape{10, 4, 4, 3});
  for (index_t i = 0; i < three.count(); ++i) three[i] = grey[i / 3];
  const auto one = mapped(ColourChange{}, grey), colours = mapped(ColourChange{}, three);
  for (index_t i = 0; i < three.count(); ++i) REQUIRE(std::abs(colours[i] - one[i / 3]) < 1e-12);
}

TEST_CASE("each colour map alone does what its name says") {
  const auto x = random_images<double>({8, 3, 3, 3});
  const auto means = [](const Tensor<double>& t) {
    std::vector<double> all;
    for (index_t i = 0; i < t.count(); i += 3) all.push_back((t[i] + t[i + 1] + t[i + 2]) / 3);
    return all;
  };
  ColourChange hue = no_change, saturation = no_change, flip = no_change;
  hue.hue = 1, saturation.saturation = 1, flip.luma_flip = true;
  CHECK(relative_difference(means(mapped(hue, x)), means(x)) < 1e-12);
  CHECK(relative_difference(means(mapped(saturation, x)), means(x)) < 1e-12);
  CHECK(relative_difference(mapped(hue, x).to_host(), x.to_host()) > 0.1);
  const auto twice = mapped(flip, mapped(flip, x));
  CHECK(relative_difference(twice.to_host(), x.to_host()) < 1e-12);
  CHECK(relative_difference(mapped(flip, x).to_host(), x.to_host()) > 0.1);
  CHECK(same_bits(mapped(no_change, x).to_host(), x.to_host()));
}

TEST_CASE("colours beyond sense are refused") {
  CHECK(message_of<ShapeError>([] { ColourChange{.brightness = 3}.check(); }) ==
        "ColourChange: expected a deviation of the brightness from 0 to 2, got 3.\nCorrect the option; 0 leaves the map out.");
  CHECK(message_of<ShapeError>([] { ColourChange{.contrast = -1}.check(); }).find("the contrast's logarithm from 0 to 4, got -1.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { ColourChange{.hue = 2}.check(); }).find("a rotation of the hue from 0 to 1, got 2.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { ColourChange{.saturation = 9}.check(); }).find("the saturation's logarithm from 0 to 4, got 9.") != std::string::npos);
}
