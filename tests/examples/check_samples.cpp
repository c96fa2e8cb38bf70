// SPDX-License-Identifier: Apache-2.0
//
// Are these pictures of digits, roughly? A short training run must leave samples that are neither constant nor noise.
//
//   check_samples DATA SAMPLES UNTRAINED
//
// DATA: a folder of digits. SAMPLES and UNTRAINED: the samples.png of a trained and of an untrained generator; or, to check the
// check, SAMPLES is one of black, grey, digit (one digit 64 times), noise and digits (64 real ones).
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "nash/core/random.hpp"
#include "nash/data/idx_folder.hpp"
#include "nash/io/png.hpp"

namespace {

using namespace nash;

constexpr index_t count = 64, side = 28, pixels = side * side;
using Samples = std::vector<float>;  // 64 × 28 × 28 in [0, 1]

/// The grid as the examples write it: 8×8 samples, 2 pixels apart, every pixel doubled.
Samples read_samples(const std::filesystem::path& path) {
  constexpr index_t cell = side + 2, expected = 2 * (8 * cell + 2);
  const Image image = read_png(path);
  if (image.height != expected || image.width != expected || image.channels != 1)
    throw DataError(path.string(), concat({"a grey picture of ", expected, "×", expected}), concat({image.height, "×", image.width, "×", image.channels}),
                    "give a samples.png");
  Samples samples;
  for (index_t n = 0; n < count; ++n)
    for (index_t i = 0; i < pixels; ++i) {
      const index_t y = 2 * (2 + n / 8 * cell + i / side), x = 2 * (2 + n % 8 * cell + i % side);
      samples.push_back(static_cast<float>(image.pixels[static_cast<std::size_t>(y * expected + x)]) / 255);
    }
  return samples;
}

float digit_pixel(const Dataset& digits, index_t n, index_t i) {
  return static_cast<float>(digits.image(n)[static_cast<std::size_t>(i)]) / 255;
}

Samples made_up(const std::string& kind, const Dataset& digits) {
  const RandomStream random(1);
  Samples samples;
  for (index_t n = 0; n < count; ++n)
    for (index_t i = 0; i < pixels; ++i)
      samples.push_back(kind == "black"   ? 0
                        : kind == "grey"  ? 0.5f
                        : kind == "noise" ? static_cast<float>(random.uniform(n * pixels + i))
                                          : digit_pixel(digits, kind == "digit" ? 0 : n, i));
  return samples;
}

/// The variance over the samples, averaged over the pixels that lie within `outer` but not within `inner` pixels of the edge.
double variance(const Samples& samples, index_t outer, index_t inner) {
  double total = 0;
  index_t counted = 0;
  for (index_t i = 0; i < pixels; ++i) {
    const index_t edge = std::min({i / side, i % side, side - 1 - i / side, side - 1 - i % side});
    if (edge < outer || edge >= inner) continue;
    double sum = 0, squares = 0;
    for (index_t n = 0; n < count; ++n) {
      const double value = static_cast<double>(samples[static_cast<std::size_t>(n * pixels + i)]);
      sum += value / count, squares += value * value / count;
    }
    total += squares - sum * sum;
    ++counted;
  }
  return total / static_cast<double>(counted);
}

/// How far samples are from the digit that each is nearest to: the root mean square over the pixels, averaged over the samples.
double nearest_distance(const Samples& samples, const Dataset& digits) {
  double total = 0;
  std::vector<float> digit(static_cast<std::size_t>(pixels));
  std::vector<float> nearest(static_cast<std::size_t>(count), 1e30f);
  for (index_t d = 0; d < digits.size(); ++d) {
    for (index_t i = 0; i < pixels; ++i) digit[static_cast<std::size_t>(i)] = digit_pixel(digits, d, i);
    for (index_t n = 0; n < count; ++n) {
      float squares = 0;
      for (index_t i = 0; i < pixels; ++i) {
        const float difference = samples[static_cast<std::size_t>(n * pixels + i)] - digit[static_cast<std::size_t>(i)];
        squares += difference * difference;
      }
      nearest[static_cast<std::size_t>(n)] = std::min(nearest[static_cast<std::size_t>(n)], squares);
    }
  }
  for (const float squares : nearest) total += std::sqrt(static_cast<double>(squares) / pixels) / count;
  return total;
}

int check(const std::string& data, const std::string& picture, const std::string& untrained_picture) {
  const Dataset all = load_idx_folder(data);
  const Dataset digits = all.slice(count, all.size() - count);  // the others are for made_up
  const bool exists = std::filesystem::exists(picture);
  const Samples samples = exists ? read_samples(picture) : made_up(picture, all);

  const double centre = variance(samples, 4, side), border = variance(samples, 0, 2), distance = nearest_distance(samples, digits);
  const double untrained = nearest_distance(read_samples(untrained_picture), digits);
  const double noise = nearest_distance(made_up("noise", all), digits);
  std::printf("variance %.4f in the centre, %.4f at the border; distance to the nearest digit %.3f, untrained %.3f, noise %.3f\n", centre, border,
              distance, untrained, noise);

  // Measured: real digits vary by 0.118 in the centre and 0.001 at the border and are 0.160 from their nearest; samples after 400
  // steps 0.09, 0.0005 and 0.19; of an untrained generator 0, 0 and 0.46; noise 0.083 everywhere and 0.54. The bounds lie
  // between what is wanted and what is not, at least a factor of 1.8 from the samples.
  int refused = 0;
  const auto refuse_unless = [&](bool holds, const char* reason) {
    if (!holds) std::printf("REFUSED: %s\n", reason), refused = 1;
  };
  refuse_unless(centre >= 0.02, "the samples are all the same");
  refuse_unless(border <= 0.02, "the samples vary at the border, as noise does and digits do not");
  refuse_unless(distance <= 0.75 * std::min(untrained, noise), "the samples are no nearer to digits than noise or an untrained generator's");
  return refused;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: check_samples DATA SAMPLES UNTRAINED\n", stderr);
    return 2;
  }
  try {
    return check(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
