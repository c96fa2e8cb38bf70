// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "nash/tensor/tensor.hpp"

namespace nash {

/// The class of each sample of a batch, as a pass gives it to layers: a view of labels in the memory of a device.
struct LabelView {
  const std::int32_t* values = nullptr;
  index_t count = 0;    ///< one for each sample; 0: there are no labels
  index_t classes = 0;  ///< every label is from 0 to classes − 1
};

/// The classes of a batch in the memory of a device.
template <class Device = Cpu>
class Labels {
 public:
  Labels() = default;
  explicit Labels(std::span<const std::int32_t> labels, index_t classes = 0) { assign(labels, classes); }

  /// Throws DataError for a label below 0. The classes are at least those that the labels name, and at least `classes`: those of the
  /// dataset where the labels are of one batch, so that a layer with too few refuses the first batch and not a later one.
  NASH_COLD void assign(std::span<const std::int32_t> labels, index_t classes = 0) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0) throw DataError("Labels", "labels of at least 0", concat({labels[i], " for sample ", i}), "number the classes from 0 on");
      classes = std::max<index_t>(classes, index_t{labels[i]} + 1);
    }
    values_.resize(Shape{static_cast<index_t>(labels.size())});
    values_.assign_from_host(labels);
    classes_ = classes;
  }

  LabelView view() const { return {values_.data(), values_.count(), values_.count() == 0 ? 0 : classes_}; }

 private:
  Tensor<std::int32_t, Device> values_;
  index_t classes_ = 0;
};

/// Throws ShapeError unless there is a label below `classes` for each sample.
NASH_COLD inline void require_labels(const LabelView& labels, index_t classes, index_t samples, std::string_view where) {
  if (labels.count != samples)
    throw ShapeError(std::string(where), concat({"a label for each of ", samples, " samples"}),
                     labels.count == 0 ? "none" : concat({labels.count}), "give the pass the labels of its samples");
  if (labels.classes > classes)
    throw ShapeError(std::string(where), concat({"labels from 0 to ", classes - 1}), concat({"labels of ", labels.classes, " classes"}),
                     concat({"build it for ", labels.classes, " classes, or give the data that it was built for"}));
}

/// to[c, j] += Σ values over the samples of class c, all their pixels, for column j: the gradient of a table with a row for each class.
/// `values` is a functor of an element of N×…×stride; the columns are first, …, first + size − 1.
template <class T, class Values>
struct AddSumsOfClasses {
  Values values;
  const std::int32_t* labels;
  index_t samples, pixels, stride, first, size;
  T* to;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t c = i / size, column = first + i % size;
    double total = 0;
    for (index_t n = 0; n < samples; ++n) {
      if (labels[n] != c) continue;
      for (index_t row = n * pixels; row < (n + 1) * pixels; ++row) total += static_cast<double>(values(row * stride + column));
    }
    to[i] += static_cast<T>(total);
  }
};

}  // namespace nash
