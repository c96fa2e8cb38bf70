// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "nash/data/dataset.hpp"
#include "nash/io/idx.hpp"

namespace nash {

/// A dataset of grey images, N×H×W×1, with the labels given or none. Throws DataError if their numbers differ.
NASH_COLD inline Dataset make_dataset(std::string name, IdxImages images, std::span<const std::uint8_t> labels = {}) {
  return Dataset(std::move(name), {images.count, images.height, images.width, 1}, std::move(images.pixels),
                 {labels.begin(), labels.end()});
}

/// Reads a folder as the MNIST database comes: <part>-images-idx3-ubyte and <part>-labels-idx1-ubyte, each plain or with
/// .gz; part is "train" or "t10k". The labels may be missing. Throws DataError if the images are, or if a file is not right.
NASH_COLD inline Dataset load_idx_folder(const std::filesystem::path& folder, std::string_view part = "train") {
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure))
    throw DataError(folder.string(), "a folder with IDX files",
                    std::filesystem::exists(folder, failure) ? "a file" : "nothing there",
                    "check the path; scripts/fetch-mnist downloads the MNIST digits");

  const auto find = [&](std::string_view ending) -> std::optional<std::filesystem::path> {
    for (const std::string_view compression : {"", ".gz"}) {
      auto path = folder / concat({part, ending, compression});
      if (std::filesystem::exists(path, failure)) return path;
    }
    return std::nullopt;
  };
  const auto images_path = find(detail::idx_images.file_ending);
  if (!images_path) {
    const std::string looked_for = concat({part, detail::idx_images.file_ending});
    throw DataError(folder.string(), concat({"the file ", looked_for, " or ", looked_for, ".gz"}), "neither",
                    "check the path; scripts/fetch-mnist downloads the MNIST digits");
  }
  IdxImages images = read_idx_images(*images_path);
  const auto labels_path = find(detail::idx_labels.file_ending);
  return make_dataset(images_path->string(), std::move(images), labels_path ? read_idx_labels(*labels_path) : Bytes{});
}

}  // namespace nash
