// SPDX-License-Identifier: Apache-2.0
#include "nash/method/band_filter.hpp"

#include <numbers>

#include "method/augmentation_checks.hpp"

using namespace nash;

namespace {

template <class T>
double response(const T (&tap)[BandFilterTaps::reach + 1], double frequency) {
  double sum = tap[0];
  for (index_t k = 1; k <= BandFilterTaps::reach; ++k) sum += 2 * static_cast<double>(tap[k]) * std::cos(frequency * static_cast<double>(k));
  return sum;
}

}  // namespace

TEST_CASE("the way back of a filter is the adjoint, of images smaller than it too") {
  check_family(BandFilter{});
  check_family(BandFilter{}, {{2, 50, 3, 1}, {2, 3, 50, 2}});
}

TEST_CASE("the low passes are |H|²/2 of Daubechies' wavelet at one, two and four times the frequency, multiplied") {
  const double root = std::sqrt(3.0), h[4] = {(1 + root) / (4 * std::numbers::sqrt2), (3 + root) / (4 * std::numbers::sqrt2),
                                              (3 - root) / (4 * std::numbers::sqrt2), (1 - root) / (4 * std::numbers::sqrt2)};
  const auto half_band = [&](double w) {
    double real = 0, imaginary = 0;
    for (int k = 0; k < 4; ++k) real += h[k] * std::cos(k * w), imaginary += h[k] * std::sin(k * w);
    return (real * real + imaginary * imaginary) / 2;
  };
  const OctaveFilters octaves;
  for (int i = 0; i <= 32; ++i) {
    const double w = std::numbers::pi * i / 32;
    double product = 1;
    for (int octave = 0; octave < 3; ++octave) {
      product *= half_band(w * (1 << octave));
      CHECK(std::abs(response(octaves.low[octave], w) - product) < 1e-13);
    }
  }
}

TEST_CASE("a band's gain is that of its frequencies, and the power of a natural image stays") {
  const BandFilter family;
  const OctaveFilters octaves;
  const MapDraws all{RandomStream(4), 1};
  for (index_t n = 0; n < 50; ++n) {
    double gain[4] = {1, 1, 1, 1};
    const double share[4] = {10.0 / 13, 1.0 / 13, 1.0 / 13, 1.0 / 13};
    for (int band = 0; band < 4; ++band) {
      double t[4] = {1, 1, 1, 1}, sum = 0;
      t[band] = std::exp2(all.normal(n, band));
      for (int i = 0; i < 4; ++i) sum += share[i] * t[i] * t[i];
      for (int i = 0; i < 4; ++i) gain[i] *= t[i] / std::sqrt(sum);
    }
    const BandFilterTaps filter = family.draw(octaves, all, n);
    CHECK(response(filter.tap, 0) == doctest::Approx(gain[0]).epsilon(1e-12));
    CHECK(response(filter.tap, std::numbers::pi) == doctest::Approx(gain[3]).epsilon(1e-12));
    CHECK(response(filter.tap, std::numbers::pi / 2) == doctest::Approx((gain[2] + gain[3]) / 2).epsilon(1e-12));
    const MapDraws rarely{RandomStream(4), 0.1};
    int bands = 0;
    for (int band = 0; band < 4; ++band) bands += rarely.happens(n, band);
    CHECK(family.draw(octaves, rarely, n).is_identity() == (bands == 0));
  }
}

TEST_CASE("a constant image is filtered to a constant, mirrored borders and all; what is refused") {
  Tensor<double> x(Shape{6, 9, 30, 2});
  std::fill(x.begin(), x.end(), 1.0);
  const auto y = mapped(BandFilter{}, x);
  for (index_t n = 0; n < 6; ++n)
    for (index_t i = 1; i < 540; ++i) REQUIRE(std::abs(y[n * 540 + i] - y[n * 540]) < 1e-12);
  CHECK(same_bits(mapped(BandFilter{.strength = 0}, x).to_host(), x.to_host()));
  CHECK(message_of<ShapeError>([] { BandFilter{.strength = 5}.check(); }) ==
        "BandFilter: expected a deviation of the gain's logarithm from 0 to 4, got 5.\nCorrect the option; 0 leaves the map out.");
}
