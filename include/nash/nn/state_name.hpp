// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "nash/core/error.hpp"

namespace nash {

/// The dotted name of a parameter or buffer, such as "3.body.0.weight", as a list of its parts on the stack: walking through
/// a network's state allocates nothing unless somebody asks for the text.
class StateName {
 public:
  StateName(const char* label) : label_(label) {}  // NOLINT: names are written as literals
  /// `label` or `index` before the name of a child's state, which must outlive this.
  StateName(std::string_view label, const StateName& rest) : label_(label), rest_(&rest) {}
  StateName(index_t index, const StateName& rest) : index_(index), rest_(&rest) {}

  NASH_COLD std::string text() const {
    std::string text = index_ >= 0 ? concat({index_}) : std::string(label_);
    return rest_ == nullptr ? text : text + "." + rest_->text();
  }
  operator std::string() const { return text(); }  // NOLINT: visitors that want a string take one

 private:
  std::string_view label_;
  index_t index_ = -1;
  const StateName* rest_ = nullptr;
};

}  // namespace nash
