// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
