// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "nash/data/dataset.hpp"

namespace gpu_check {

/// The digits of an IDX file that is not compressed: a machine with a GPU may have no zlib.
inline nash::Dataset read_digits(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(file)), {});
  const auto number = [&](std::size_t at) {
    return nash::index_t{bytes[at]} << 24 | nash::index_t{bytes[at + 1]} << 16 | nash::index_t{bytes[at + 2]} << 8 | bytes[at + 3];
  };
  if (bytes.size() < 16 || number(0) != 0x803 || static_cast<nash::index_t>(bytes.size()) != 16 + number(4) * number(8) * number(12))
    throw nash::DataError(path, "an IDX file of images, not compressed", "something else", "make it with scripts/gpu-check --pack");
  const nash::Shape shape{number(4), number(8), number(12), 1};
  return nash::Dataset(path, shape, {bytes.begin() + 16, bytes.end()});
}

/// Whether pictures of 28×28 values from −1 to 1 are digits, roughly: neither all the same, nor noise, nor far from every one of the first
/// 1,000 real digits; what is not so, or an empty text. Measured, with pixels from 0 to 1: real digits vary by 0.061 a pixel and are 0.196
/// from their nearest, root mean square; samples after 520 steps 0.062 and 0.194; noise 0.082, at the border too, and 0.541.
inline std::string flaw_of(const std::vector<float>& pictures, const nash::Dataset& digits) {
  constexpr std::size_t side = 28, pixels = side * side;
  const std::size_t count = pictures.size() / pixels, references = std::min<std::size_t>(1000, static_cast<std::size_t>(digits.size()));
  const auto value = [&](std::size_t n, std::size_t i) { return 0.5 * (static_cast<double>(pictures[n * pixels + i]) + 1); };
  double all = 0, border = 0, distance = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    double sum = 0, squares = 0;
    for (std::size_t n = 0; n < count; ++n) sum += value(n, i), squares += value(n, i) * value(n, i);
    const double mean = sum / static_cast<double>(count), variance = squares / static_cast<double>(count) - mean * mean;
    all += variance / pixels;
    if (i / side == 0 || i / side == side - 1 || i % side == 0 || i % side == side - 1) border += variance / (4 * side - 4);
  }
  for (std::size_t n = 0; n < count; ++n) {
    double nearest = 1;
    for (std::size_t d = 0; d < references; ++d) {
      const auto digit = digits.image(static_cast<nash::index_t>(d));
      double squares = 0;
      for (std::size_t i = 0; i < pixels; ++i) {
        const double difference = value(n, i) - digit[i] / 255.0;
        squares += difference * difference;
      }
      nearest = std::min(nearest, squares / pixels);
    }
    distance += std::sqrt(nearest) / static_cast<double>(count);
  }
  std::printf("pictures vary by %.3f a pixel, %.3f at the border, and are %.3f from the nearest digit\n", all, border, distance);
  if (!(all >= 0.02)) return "the pictures are all the same";
  if (!(border <= 0.02)) return "the pictures vary at the border, as noise does and digits do not";
  if (!(distance <= 0.27)) return "the pictures are far from every digit";
  return "";
}

/// 8×8 pictures as a PGM file.
inline void write_grid(const std::string& path, const std::vector<float>& pixels, nash::index_t size) {
  std::ofstream file(path, std::ios::binary);
  file << "P5 " << 8 * size << ' ' << 8 * size << " 255\n";
  for (nash::index_t y = 0; y < 8 * size; ++y)
    for (nash::index_t x = 0; x < 8 * size; ++x) {
      const nash::index_t picture = y / size * 8 + x / size;
      const float value = pixels[static_cast<std::size_t>((picture * size + y % size) * size + x % size)];
      file.put(static_cast<char>(static_cast<int>(127.5f * (value + 1))));
    }
}

}  // namespace gpu_check
