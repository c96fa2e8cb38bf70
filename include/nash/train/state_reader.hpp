// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <vector>

#include "nash/io/safetensors.hpp"
#include "nash/nn/state_name.hpp"
#include "nash/tensor/tensor.hpp"
#include "nash/train/probability.hpp"

namespace nash {

/// What visits state to read what a StateWriter wrote, twice: to check that the file fits, and then to take it over, so that nothing is
/// half-loaded. Each thing that is visited must be in the file, and nothing else.
template <class T>
class StateReader {
 public:
  /// `owner` and `structure` are for messages: "Generator" and "network of the same layers".
  NASH_COLD StateReader(const std::filesystem::path& path, std::string owner, std::string structure)
      : file_(load_safetensors<T>(path)), where_(path.string()), owner_(std::move(owner)), structure_(std::move(structure)) {}

  const Metadata& metadata() const { return file_.metadata; }

  /// A tensor without elements takes the file's shape: it is one that its owner has not needed yet.
  template <class Device>
  NASH_COLD void operator()(const StateName& name, Tensor<T, Device>& tensor) {
    const NamedTensor<T>& found = tensor_of(name.text(), tensor.shape());
    if (!assigns_) return;
    tensor.resize(found.shape);
    tensor.assign_from_host(found.values);
  }
  /// As many numbers as the tensor has, of a text.
  template <class Device>
    requires(!std::is_same_v<T, double>)
  NASH_COLD void operator()(const StateName& name, Tensor<double, Device>& numbers) {
    const std::string& text = text_of(name.text());
    std::vector<double> read;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      read.push_back(number_of<double>(name.text(), text.substr(begin, end - begin)));
      begin = end + 1;
    }
    if (static_cast<index_t>(read.size()) != numbers.count()) damaged(numbers.count() == 1 ? "one number" : concat({numbers.count(), " numbers"}), name.text(), text);
    if (assigns_) numbers.assign_from_host(read);
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  NASH_COLD void operator()(const StateName& name, Number& number) {
    const Number read = number_of<Number>(name.text(), text_of(name.text()));
    if (assigns_) number = read;
  }
  NASH_COLD void operator()(const StateName& name, Probability& probability) {
    const std::string& text = text_of(name.text());
    const double read = number_of<double>(name.text(), text);
    if (!(read >= 0 && read <= 1)) damaged("a number from 0 to 1", name.text(), text);
    if (assigns_) probability.value = read;
  }
  NASH_COLD void operator()(const StateName& name, std::optional<double>& number) {
    const std::string& text = text_of(name.text());
    const auto read = text == "none" ? std::nullopt : std::optional(number_of<double>(name.text(), text));
    if (assigns_) number = read;
  }
  /// A text is nothing to be loaded, but has to be the same.
  NASH_COLD void operator()(const StateName& name, const std::string& text) {
    const std::string& found = text_of(name.text());
    if (found != text) fail(concat({"'", name.text(), "' to be ", text.empty() ? "none" : text}), found.empty() ? "none" : detail::printable(found), "");
  }

  /// Ends the checks: throws DataError where the file holds anything that was not visited. What is visited from now on is assigned.
  NASH_COLD void begin_assigning() {
    const auto refuse = [&](std::size_t count, std::string_view what, const std::string& name) {
      fail(concat({"the ", count, what, owner_}), concat({"also '", detail::printable(name), "'"}), "");
    };
    for (const NamedTensor<T>& tensor : file_.tensors)
      if (!tensors_.contains(tensor.name)) refuse(tensors_.size(), " tensors of ", tensor.name);
    for (const auto& [name, text] : file_.metadata)
      if (name.starts_with(prefix) && !texts_.contains(name)) refuse(texts_.size(), " numbers and texts of ", name);
    assigns_ = true;
  }

 private:
  static constexpr std::string_view prefix = "nash.state.";

  NASH_COLD const NamedTensor<T>& tensor_of(const std::string& name, const Shape& shape) {
    tensors_.insert(name);
    const NamedTensor<T>* const found = file_.find(name);
    if (found == nullptr) fail(concat({"a tensor '", name, "' of ", shape}), "none of that name", "");
    if (found->shape != shape && shape.count() > 0) fail(concat({"'", name, "' of ", shape}), found->shape.text(), " and sizes");
    return *found;
  }

  NASH_COLD const std::string& text_of(const std::string& name) {
    const std::string key = std::string(prefix) + name;
    texts_.insert(key);
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) fail(concat({"a number or text '", key, "'"}), "none of that name", "");
    return found->second;
  }

  /// Whole numbers are counts: not below 0, and far from where adding one more overflows.
  template <class Number>
  NASH_COLD Number number_of(const std::string& name, const std::string& text) const {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    constexpr bool is_whole = std::is_integral_v<Number>;
    if (error != std::errc{} || end != text.data() + text.size() || !in_range(number))
      damaged(is_whole ? "a whole number from 0 to 2^53" : "a number", name, text);
    return number;
  }

  [[noreturn]] NASH_COLD void damaged(std::string_view expected, const std::string& name, const std::string& text) const {
    throw DataError(where_, concat({expected, " as '", prefix, name, "'"}), concat({"'", detail::printable(text), "'"}),
                    "the file is damaged or was written wrongly; write it again");
  }

  template <class Number>
  static bool in_range(Number number) {
    if constexpr (std::is_integral_v<Number> && std::is_signed_v<Number>)
      return number >= Number{0} && static_cast<double>(number) <= 0x1p53;
    else
      return true;  // seeds have all bits, and the last report of a run may have numbers that are not finite
  }

  [[noreturn]] NASH_COLD void fail(const std::string& expected, const std::string& got, std::string_view more) const {
    throw DataError(where_, expected, got, concat({"load it into a ", structure_, more}));
  }

  Safetensors<T> file_;
  std::string where_, owner_, structure_;
  std::set<std::string> tensors_, texts_;
  bool assigns_ = false;
};

}  // namespace nash
