// SPDX-License-Identifier: Apache-2.0
#include "nash/data/dataset.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "message_of.hpp"

using namespace nash;

namespace {

/// Three images of 2×1×2 bytes from 0 to 11.
Dataset small(std::vector<std::int32_t> labels = {}) {
  std::vector<std::uint8_t> pixels(12);
  std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
  return Dataset("small", {3, 2, 1, 2}, pixels, std::move(labels));
}

}  // namespace

TEST_CASE("Dataset: images and labels by number") {
  const Dataset dataset = small({4, 0, 2});
  CHECK(dataset.name() == "small");
  CHECK(dataset.size() == 3);
  CHECK(dataset.shape() == Shape{3, 2, 1, 2});
  CHECK(dataset.image_shape() == Shape{2, 1, 2});
  REQUIRE(dataset.image(1).size() == 4);
  CHECK(int{dataset.image(1)[0]} == 4);
  CHECK(dataset.has_labels());
  CHECK(dataset.label(2) == 2);
  CHECK(dataset.classes() == 5);
  CHECK_FALSE(small().has_labels());
  CHECK(small().classes() == 0);
}

TEST_CASE("Dataset: slices and copies share the images") {
  const Dataset dataset = small({4, 0, 2});
  const Dataset part = dataset.slice(1, 2).slice(1, 1);
  CHECK(part.size() == 1);
  CHECK(part.shape() == Shape{1, 2, 1, 2});
  CHECK(part.image(0).data() == dataset.image(2).data());
  CHECK(part.label(0) == 2);
  CHECK(part.classes() == 5);
  const Dataset copy = dataset;  // NOLINT: the copy is the point
  CHECK(copy.image(0).data() == dataset.image(0).data());
}

TEST_CASE("Dataset: numbers out of range") {
  const Dataset dataset = small({4, 0, 2});
  for (const index_t i : {index_t{-1}, index_t{3}, std::numeric_limits<index_t>::max()}) {
    CHECK(message_of<ShapeError>([&] { dataset.image(i); }) ==
          concat({"small: expected an image from 0 to 2, got ", i, ".\nStay below size()."}));
    CHECK(message_of<ShapeError>([&] { dataset.label(i); }) ==
          concat({"small: expected an image from 0 to 2, got ", i, ".\nStay below size()."}));
  }
  CHECK(message_of([&] { small().label(0); }) == "small: has no labels.\nAsk has_labels() first, or load the labels too.");
  CHECK(message_of<ShapeError>([&] { dataset.slice(2, 2); }) ==
        "small: expected a slice of the 3 images, got 2 from 2.\nTake fewer, at least one.");
  CHECK(message_of<ShapeError>([&] { dataset.slice(0, 0); }).find("got 0 from 0") != std::string::npos);
  CHECK(message_of<ShapeError>([&] { dataset.slice(-1, 1); }).find("got 1 from -1") != std::string::npos);
  CHECK(message_of<ShapeError>([&] { dataset.slice(1, std::numeric_limits<index_t>::max()); }) != "");
}

TEST_CASE("Dataset: what does not fit together") {
  CHECK(message_of<ShapeError>([] {
          Dataset("d", {2, 3}, std::vector<std::uint8_t>(6));
        }) == "d: expected N×H×W×C images, at least one, got 2×3.\nGive the shape of the images in that order.");
  CHECK(message_of<ShapeError>([] { Dataset("d", {0, 1, 1, 1}, {}); }).find("got 0×1×1×1") != std::string::npos);
  CHECK(message_of<ShapeError>([] {
          Dataset("d", {2, 1, 1, 1}, std::vector<std::uint8_t>(3));
        }) == "d: expected 2 bytes for 2×1×1×1, got 3.\nGive one byte a pixel and channel.");
  CHECK(message_of([] {
          small({1, 2});
        }) == "small: expected one label for each of 3 images, got 2 labels.\nGive the two files that belong together.");
  CHECK(message_of([] {
          small({1, -2, 0});
        }) == "small: expected labels of at least 0, got -2 for image 1.\nNumber the classes from 0 on.");
}
