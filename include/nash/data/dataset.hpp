// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nash/core/shape.hpp"

namespace nash {

/// Images of one size with, or without, a label each. They never change, and copies and slices share their memory.
class Dataset {
 public:
  /// `pixels`: N×H×W×C bytes, row-major, from 0 (black) to 255; `labels`: one number of at least 0 an image, or none.
  /// Throws ShapeError if the shape has not four dimensions or there is not one byte an element, DataError if the labels
  /// are not as many as the images or below 0.
  NASH_COLD Dataset(std::string name, const Shape& shape, std::vector<std::uint8_t> pixels,
                    std::vector<std::int32_t> labels = {})
      : name_(std::move(name)), shape_(shape) {
    if (shape.rank() != 4 || shape.count() == 0)
      throw ShapeError(name_, "N×H×W×C images, at least one", shape.text(), "give the shape of the images in that order");
    if (static_cast<index_t>(pixels.size()) != shape.count())
      throw ShapeError(name_, concat({shape.count(), " bytes for ", shape}), concat({pixels.size()}),
                       "give one byte a pixel and channel");
    if (!labels.empty() && static_cast<index_t>(labels.size()) != size())
      throw DataError(name_, concat({"one label for each of ", size(), " images"}), concat({labels.size(), " labels"}),
                      "give the two files that belong together");
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0)
        throw DataError(name_, "labels of at least 0", concat({labels[i], " for image ", i}), "number the classes from 0 on");
      classes_ = std::max<index_t>(classes_, index_t{labels[i]} + 1);
    }
    has_labels_ = !labels.empty();
    content_ = std::make_shared<const Content>(std::move(pixels), std::move(labels));
  }

  const std::string& name() const { return name_; }

  /// The number of images.
  index_t size() const { return shape_[0]; }

  /// N×H×W×C
  const Shape& shape() const { return shape_; }

  /// H×W×C
  Shape image_shape() const { return {shape_[1], shape_[2], shape_[3]}; }

  /// The bytes of image i: H·W·C of them. Throws ShapeError if there is no such image.
  std::span<const std::uint8_t> image(index_t i) const {
    check_index(i);
    const auto bytes = static_cast<std::size_t>(shape_.count_per_sample());
    return std::span(content_->pixels).subspan(static_cast<std::size_t>(first_ + i) * bytes, bytes);
  }

  bool has_labels() const { return has_labels_; }

  /// One more than the highest label of the whole set that this is a slice of; 0 without labels.
  index_t classes() const { return classes_; }

  /// Throws ShapeError if there is no such image, DataError without labels.
  std::int32_t label(index_t i) const {
    check_index(i);
    if (!has_labels_) throw DataError(name_, "has no labels", "ask has_labels() first, or load the labels too");
    return content_->labels[static_cast<std::size_t>(first_ + i)];
  }

  /// `count` images from image `first` on. Throws ShapeError unless they exist and there is at least one.
  NASH_COLD Dataset slice(index_t first, index_t count) const {
    if (first < 0 || count < 1 || first > size() - count)
      throw ShapeError(name_, concat({"a slice of the ", size(), " images"}), concat({count, " from ", first}),
                       "take fewer, at least one");
    Dataset part = *this;
    part.first_ += first;
    part.shape_ = shape_.with_samples(count);
    return part;
  }

 private:
  struct Content {
    Content(std::vector<std::uint8_t> p, std::vector<std::int32_t> l) : pixels(std::move(p)), labels(std::move(l)) {}
    std::vector<std::uint8_t> pixels;
    std::vector<std::int32_t> labels;
  };

  NASH_COLD void check_index(index_t i) const {
    if (i < 0 || i >= size())
      throw ShapeError(name_, concat({"an image from 0 to ", size() - 1}), concat({i}), "stay below size()");
  }

  std::string name_;
  Shape shape_;
  index_t first_ = 0;  // in the content
  index_t classes_ = 0;
  bool has_labels_ = false;
  std::shared_ptr<const Content> content_;
};

}  // namespace nash
