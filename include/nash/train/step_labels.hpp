// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/labels.hpp"

namespace nash {

/// The labels of the real batch of a step, in the device's memory, for players or methods that depend on classes. The step's fakes
/// have the same ones, row by row: they are of the classes in which the data come, and a penalty between a real sample and a fake is
/// one within a class.
template <class Device>
class StepLabels {
 public:
  /// Where nobody depends on classes, 0 of them, labels are left where they are.
  explicit StepLabels(index_t classes) : classes_(classes) {}

  /// Takes the labels of a batch of so many samples, of a dataset with so many classes. Throws DataError unless there is a label
  /// for each, below the classes that are known.
  NASH_COLD void take(index_t samples, std::span<const std::int32_t> labels, index_t classes) {
    if (classes_ == 0) return;
    if (static_cast<index_t>(labels.size()) != samples)
      throw DataError("GanTrainer", concat({"a label for each of ", samples, " real images, since there is something that knows ", classes_, " classes"}),
                      labels.empty() ? "none" : concat({labels.size()}), "train on a dataset with labels");
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] < 0 || labels[i] >= classes_) refuse(concat({labels[i], " for image ", i, " of the batch"}));
    if (classes > classes_) refuse(concat({"a dataset whose labels go up to ", classes - 1}));
    labels_.assign(labels, classes_);
  }

  index_t classes() const { return classes_; }
  LabelView view() const { return labels_.view(); }

 private:
  [[noreturn]] NASH_COLD void refuse(const std::string& got) const {
    throw DataError("GanTrainer", concat({"labels from 0 to ", classes_ - 1}), got, "build the players for as many classes as the data have");
  }

  index_t classes_;
  Labels<Device> labels_;
};

}  // namespace nash
