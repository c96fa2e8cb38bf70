// SPDX-License-Identifier: Apache-2.0
#include "nash/method/geometric_warp.hpp"

#include "method/augmentation_checks.hpp"

using namespace nash;

namespace {

constexpr GeometricWarp no_warp{.scale = 0, .rotation = 0, .anisotropy = 0, .translation = 0};

}  // namespace

TEST_CASE("the way back of a warp is the adjoint, of strong ones too") {
  check_family(GeometricWarp{});
  check_family(GeometricWarp{.scale = 1, .anisotropy = 1, .translation = 1}, {{8, 7, 6, 1}, {3, 2, 3, 2}});
}

TEST_CASE("a warped plane is the plane where the map looks: bilinear sampling is exact on it") {
  const Shape shape{20, 32, 32, 1};
  Tensor<double> x(shape);
  for (index_t i = 0; i < x.count(); ++i) x[i] = 3 * static_cast<double>(i / 32 % 32) - 2 * static_cast<double>(i % 32) + 5;
  const GeometricWarp family;
  const auto y = mapped(family, x);
  index_t inside = 0;
  for (index_t n = 0; n < 20; ++n) {
    const AffineMap map = map_of(family, shape, n);
    for (index_t row = 0; row < 32; ++row)
      for (index_t column = 0; column < 32; ++column) {
        const double r = map.row(static_cast<double>(row) - 15.5, static_cast<double>(column) - 15.5) + 15.5;
        const double c = map.column(static_cast<double>(row) - 15.5, static_cast<double>(column) - 15.5) + 15.5;
        if (r < 0 || r > 31 || c < 0 || c > 31) continue;
        ++inside;
        REQUIRE(std::abs(y[(n * 32 + row) * 32 + column] - (3 * r - 2 * c + 5)) < 1e-10);
      }
  }
  CHECK(inside > 10000);
}

TEST_CASE("maps are those that Karras et al. name, as often as they say") {
  const Shape shape{4000, 16, 32, 1};
  GeometricWarp scale = no_warp, rotation = no_warp, anisotropy = no_warp, translation = no_warp;
  scale.scale = 0.2, rotation.rotation = 1, anisotropy.anisotropy = 0.2, translation.translation = 0.125;
  int scales = 0, rotations = 0;
  double squares = 0, log_squares = 0, shift_squares = 0;
  for (index_t n = 0; n < 4000; ++n) {
    const AffineMap s = map_of(scale, shape, n, 0.3), r = map_of(rotation, shape, n, 0.3), a = map_of(anisotropy, shape, n), t = map_of(translation, shape, n);
    scales += !s.is_identity(), rotations += !r.is_identity();
    CHECK((s.rr == s.cc && s.rc == 0 && s.cr == 0));
    CHECK(std::abs(r.rr * r.cc - r.rc * r.cr - 1) < 1e-12);
    CHECK(std::abs(a.rr * a.cc - 1) < 1e-12);
    squares += std::pow(std::log2(s.rr), 2), log_squares += std::pow(std::log2(a.rr), 2);
    shift_squares += std::pow(t.down / 16, 2) + std::pow(t.right / 32, 2);
  }
  CHECK(std::abs(scales - 1200) < 116);
  CHECK(std::abs(rotations - 1200) < 116);  // of two that happen with 1 − √0.7 each, one or both with 0.3
  CHECK(squares / scales == doctest::Approx(0.04).epsilon(0.2));
  CHECK(log_squares / 4000 == doctest::Approx(0.04).epsilon(0.1));
  CHECK(shift_squares / 8000 == doctest::Approx(0.125 * 0.125).epsilon(0.1));
}

TEST_CASE("options of 0 change no bit, and too strong ones are refused") {
  const auto x = random_images<double>({3, 4, 5, 3});
  CHECK(same_bits(mapped(no_warp, x).to_host(), x.to_host()));
  CHECK(message_of<ShapeError>([] { GeometricWarp{.scale = 3}.check(); }) ==
        "GeometricWarp: expected a deviation of the scale's logarithm from 0 to 1, got 3.\nCorrect the option; 0 leaves the map out.");
  CHECK(message_of<ShapeError>([] { GeometricWarp{.rotation = -1}.check(); }).find("a rotation from 0 to 1, got -1.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { GeometricWarp{.anisotropy = std::nan("")}.check(); }).find("the anisotropy's logarithm from 0 to 1, got nan.") != std::string::npos);
  CHECK(message_of<ShapeError>([] { GeometricWarp{.translation = 2}.check(); }).find("the translation from 0 to 1, got 2.") != std::string::npos);
}
