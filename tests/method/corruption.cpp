// SPDX-License-Identifier: Apache-2.0
#include "nash/method/corruption.hpp"

#include "method/augmentation_checks.hpp"

using namespace nash;

TEST_CASE("the way back of corrupted images is the adjoint") { check_family(Corruption{}); }

TEST_CASE("noise has the deviation that was drawn, and a cut is half the image wherever its middle is") {
  const Shape shape{200, 20, 30, 1};
  const auto x = random_images<double>(shape);
  const auto noisy = mapped(Corruption{.cutout = 0}, x), cut = mapped(Corruption{.noise = 0}, x);
  double variance = 0;
  for (index_t n = 0; n < 200; ++n) {
    const CorruptionMap noise = map_of(Corruption{.cutout = 0}, shape, n), square = map_of(Corruption{.noise = 0}, shape, n);
    double sum = 0;
    for (index_t i = n * 600; i < n * 600 + 600; ++i) {
      sum += (noisy[i] - x[i]) * (noisy[i] - x[i]);
      REQUIRE(cut[i] == (square.cuts(i / 30 % 20, i % 30) ? 0 : x[i]));
    }
    CHECK(std::sqrt(sum / 600) == doctest::Approx(noise.deviation).epsilon(0.15));
    variance += noise.deviation * noise.deviation / 200;
    CHECK((square.bottom - square.top == 10 && square.right - square.left == 15));
    CHECK((square.top >= -5 && square.bottom <= 25 && square.left >= -8 && square.right <= 38));
  }
  CHECK(variance == doctest::Approx(0.01).epsilon(0.45));
}

TEST_CASE("two batches have noise of their own, and options of 0 change no bit; what is refused") {
  const auto x = random_images<double>({4, 6, 6, 1});
  CHECK_FALSE(same_bits(mapped(Corruption{.cutout = 0}, x, 1, 4).to_host(), mapped(Corruption{.cutout = 0}, x, 1, 5).to_host()));
  CHECK(same_bits(mapped(Corruption{.noise = 0, .cutout = 0}, x).to_host(), x.to_host()));
  CHECK(message_of<ShapeError>([] { Corruption{.noise = -1}.check(); }) ==
        "Corruption: expected a deviation of the noise from 0 to 2, got -1.\nCorrect the option; 0 leaves the map out.");
  CHECK(message_of<ShapeError>([] { Corruption{.cutout = 2}.check(); }).find("a cutout from 0 to 1, got 2.") != std::string::npos);
}
