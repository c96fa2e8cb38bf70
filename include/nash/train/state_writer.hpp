// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>

#include "nash/core/version.hpp"
#include "nash/io/safetensors.hpp"
#include "nash/nn/state_name.hpp"
#include "nash/tensor/tensor.hpp"
#include "nash/train/probability.hpp"

namespace nash {

/// A number as a text that reads back to the same bits.
template <class Number>
NASH_COLD std::string exact_text(Number number) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}
NASH_COLD inline std::string exact_text(const std::optional<double>& number) { return number ? exact_text(*number) : "none"; }

/// "float" or "double"
template <class T>
constexpr const char* scalar_name() {
  return sizeof(T) == sizeof(float) ? "float" : "double";
}

/// What visits state to write it: tensors as the file's tensors, numbers and texts among its texts, under "nash.state." and their name.
template <class T>
class StateWriter {
 public:
  template <class Device>
  NASH_COLD void operator()(const StateName& name, const Tensor<T, Device>& tensor) {
    tensors_.push_back({name.text(), tensor.shape(), tensor.to_host()});
  }
  /// Numbers in a device's memory, in double whatever the networks' type: "0.5 -2".
  template <class Device>
    requires(!std::is_same_v<T, double>)
  NASH_COLD void operator()(const StateName& name, const Tensor<double, Device>& numbers) {
    std::string text;
    for (const double number : numbers.to_host()) text += (text.empty() ? "" : " ") + exact_text(number);
    (*this)(name, text);
  }
  NASH_COLD void operator()(const StateName& name, const std::string& text) { metadata_["nash.state." + name.text()] = text; }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(const StateName& name, const Number& number) {
    (*this)(name, exact_text(number));
  }
  void operator()(const StateName& name, const Probability& probability) { (*this)(name, probability.value); }
  void operator()(const StateName& name, const std::optional<double>& number) { (*this)(name, exact_text(number)); }

  /// Writes all of it, atomically, with texts of the caller's, but for those whose names are nash's. "nash.kind" = `what` is the text
  /// by which readers know the file.
  NASH_COLD void save(const std::filesystem::path& path, const std::string& kind, const std::string& what, const Metadata& others) {
    metadata_["format"] = "nash";
    metadata_["nash." + kind] = what;
    metadata_["nash.version"] = concat({NASH_VERSION_MAJOR, ".", NASH_VERSION_MINOR, ".", NASH_VERSION_PATCH});
    for (const auto& other : others)
      if (!other.first.starts_with("nash.")) metadata_.insert(other);
    save_safetensors(path, tensors_, metadata_);
  }

 private:
  std::vector<NamedTensor<T>> tensors_;
  Metadata metadata_;
};

}  // namespace nash
