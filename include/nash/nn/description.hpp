// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "nash/nn/init.hpp"

namespace nash {

/// A layer as plain data: its type and the numbers that it is built from, for networks that are put together at run time.
///
/// Every layer has describe() and a static from(description); from(describe()) is the same layer with fresh parameters.
class LayerDescription {
 public:
  LayerDescription() = default;
  NASH_COLD explicit LayerDescription(std::string_view type) : type_(type) {}

  const std::string& type() const { return type_; }
  const std::vector<LayerDescription>& children() const { return children_; }

  template <class Number>
    requires std::is_arithmetic_v<Number>
  LayerDescription& set(std::string_view name, Number value) {
    return set_number(name, static_cast<double>(value));
  }
  NASH_COLD LayerDescription& set(const Init& init) {
    return set("init", static_cast<int>(init.kind)).set("init.a", init.a).set("init.b", init.b);
  }
  NASH_COLD LayerDescription& add(LayerDescription child) {
    children_.push_back(std::move(child));
    return *this;
  }

  double number(std::string_view name) const {
    const double* const found = find(name);
    if (found == nullptr) throw ShapeError(type_, concat({"the option '", name, "' is missing"}), "add it to the layer's description");
    return *found;
  }
  double number(std::string_view name, double otherwise) const {
    const double* const found = find(name);
    return found == nullptr ? otherwise : *found;
  }
  index_t size(std::string_view name) const { return whole(name, number(name)); }
  index_t size(std::string_view name, index_t otherwise) const {
    return whole(name, number(name, static_cast<double>(otherwise)));
  }
  bool flag(std::string_view name, bool otherwise) const { return number(name, otherwise ? 1 : 0) != 0; }
  Init init(const Init& otherwise) const {
    if (find("init") == nullptr) return otherwise;
    const index_t kind = size("init");
    if (kind < 0 || kind > static_cast<index_t>(Init::Kind::orthogonal))
      throw ShapeError(type_, "an initialiser from 0 to 5", concat({kind}), "see Init::Kind");
    return {static_cast<Init::Kind>(kind), number("init.a", 0), number("init.b", 0)};
  }

  /// Throws ShapeError where an option is none of these; "init" stands for "init.a" and "init.b" too.
  void allow(std::initializer_list<std::string_view> names) const {
    for (const auto& [name, value] : options_) {
      const std::string_view wanted = name == "init.a" || name == "init.b" ? "init" : std::string_view(name);
      if (std::find(names.begin(), names.end(), wanted) != names.end()) continue;
      std::string known;
      for (const std::string_view option : names) known += (known.empty() ? "" : ", ") + std::string(option);
      throw ShapeError(type_, concat({"one of the options ", known.empty() ? "(none)" : known}), concat({"'", name, "'"}),
                       "correct the layer's description");
    }
  }

  bool operator==(const LayerDescription&) const = default;

 private:
  NASH_COLD LayerDescription& set_number(std::string_view name, double value) {
    options_.emplace_back(name, value);
    return *this;
  }

  const double* find(std::string_view name) const {
    for (const auto& option : options_)
      if (option.first == name) return &option.second;
    return nullptr;
  }

  index_t whole(std::string_view name, double value) const {
    if (!(value >= -0x1p53 && value <= 0x1p53) || static_cast<double>(static_cast<index_t>(value)) != value)
      throw ShapeError(type_, concat({"a whole number for '", name, "'"}), concat({value}), "correct the layer's description");
    return static_cast<index_t>(value);
  }

  std::string type_;
  std::vector<std::pair<std::string, double>> options_;
  std::vector<LayerDescription> children_;
};

}  // namespace nash
