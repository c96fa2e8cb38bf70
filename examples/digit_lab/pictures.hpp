// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "digit_lab/rows.hpp"
#include "nash/io.hpp"

namespace digit_lab {

using nash::index_t;

/// The pictures of a folder: a grid of 64 samples for each row, and one for each group with a line of 24 for each of its rows.
class Pictures {
 public:
  static constexpr index_t samples = 64;

  explicit Pictures(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The grid of a row, and its line in the group's picture.
  template <class Device>
  void write(const Row& row, const nash::Tensor<float, Device>& drawn) {
    write_png(folder_ / (row.name + ".png"), image_grid(drawn, {.columns = grid_columns}));
    const std::vector<float> values = drawn.to_host();
    add_line(row, {values.begin(), values.begin() + in_a_line * pixels});
    write_group(row.group);
  }

  /// The line of a row whose grid another run has left. Throws DataError for other pictures.
  void add_line_of(const Row& row, const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / (row.name + ".png");
    const nash::Image grid = nash::read_png(path);
    constexpr index_t cell = side + padding, length = grid_columns * cell + padding;
    if (grid.channels != 1 || grid.width != length || grid.height != length)
      throw nash::DataError(path.string(), nash::concat({"a grey picture of ", length, "×", length, " pixels"}),
                            nash::concat({grid.height, "×", grid.width, "×", grid.channels}), "give folders that digit_lab has left");
    std::vector<float> values;
    for (index_t i = 0; i < in_a_line; ++i)
      for (index_t y = 0; y < side; ++y)
        for (index_t x = 0; x < side; ++x) {
          const index_t top = padding + i / grid_columns * cell + y, left = padding + i % grid_columns * cell + x;
          values.push_back(static_cast<float>(grid.pixels[static_cast<std::size_t>(top * length + left)]) / 127.5f - 1);
        }
    add_line(row, values);
  }

  void write_groups() const {
    for (const auto& [group, line] : lines_) write_group(group);
  }

 private:
  static constexpr index_t side = 28, pixels = side * side, padding = 2, grid_columns = 8, in_a_line = 24;

  void add_line(const Row& row, const std::vector<float>& values) {
    std::vector<float>& lines = lines_[row.group];
    lines.insert(lines.end(), values.begin(), values.end());
  }
  void write_group(const std::string& group) const {
    const std::vector<float>& lines = lines_.at(group);
    const nash::Tensor<float> images(nash::Shape{static_cast<index_t>(lines.size()) / pixels, side, side, 1}, lines);
    write_png(folder_ / nash::concat({"group-", group, ".png"}), image_grid(images, {.columns = in_a_line}));
  }

  std::filesystem::path folder_;
  std::map<std::string, std::vector<float>> lines_;
};

}  // namespace digit_lab
