// SPDX-License-Identifier: Apache-2.0
#include "nash/data/idx_folder.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

IdxImages two_images() { return {.count = 2, .height = 1, .width = 3, .pixels = {1, 2, 3, 4, 5, 6}}; }

}  // namespace

TEST_CASE("load_idx_folder: images with labels, without them, and the other part") {
  const TemporaryFolder folder;
  write_idx_images(folder / "train-images-idx3-ubyte", two_images());
  const Dataset without = load_idx_folder(folder.path());
  CHECK(without.shape() == Shape{2, 1, 3, 1});
  CHECK_FALSE(without.has_labels());
  CHECK(without.name() == (folder / "train-images-idx3-ubyte").string());

  write_idx_labels(folder / "train-labels-idx1-ubyte", Bytes{7, 255});
  const Dataset with = load_idx_folder(folder.path());
  CHECK(with.label(1) == 255);
  CHECK(with.classes() == 256);

  write_idx_images(folder / "t10k-images-idx3-ubyte", {.count = 1, .height = 1, .width = 1, .pixels = {9}});
  CHECK(load_idx_folder(folder.path(), "t10k").size() == 1);
}

TEST_CASE("load_idx_folder: the digits that come with nash") {
  const Dataset digits = load_idx_folder(std::filesystem::path(NASH_TEST_DATA) / "../examples/data");
  CHECK(digits.shape() == Shape{10000, 28, 28, 1});
  CHECK(digits.classes() == 10);
  const std::int32_t first_labels[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
  for (index_t i = 0; i < 10; ++i) CHECK(digits.label(i) == first_labels[i]);
}

TEST_CASE("load_idx_folder: numbers of images and labels that differ") {
  const TemporaryFolder folder;
  write_idx_images(folder / "train-images-idx3-ubyte", two_images());
  write_idx_labels(folder / "train-labels-idx1-ubyte", Bytes{1, 2, 3});
  CHECK(message_of([&] { load_idx_folder(folder.path()); }) ==
        (folder / "train-images-idx3-ubyte").string() +
            ": expected one label for each of 2 images, got 3 labels.\nGive the two files that belong together.");
}

TEST_CASE("load_idx_folder: what is missing") {
  const TemporaryFolder folder;
  const std::string remedy = ".\nCheck the path; scripts/fetch-mnist downloads the MNIST digits.";
  CHECK(message_of([&] { load_idx_folder(folder / "none"); }) ==
        (folder / "none").string() + ": expected a folder with IDX files, got nothing there" + remedy);
  CHECK(message_of([&] { load_idx_folder(folder.path()); }) ==
        folder.path().string() + ": expected the file train-images-idx3-ubyte or train-images-idx3-ubyte.gz, got neither" +
            remedy);
  write_idx_labels(folder / "train-images-idx3-ubyte.gz", Bytes{1, 2, 3});
  CHECK(message_of([&] { load_idx_folder(folder / "train-images-idx3-ubyte.gz"); }).find("got a file") != std::string::npos);
  CHECK(message_of([&] { load_idx_folder(folder.path()); }).find("got 1 dimension: a file of labels") != std::string::npos);
}
