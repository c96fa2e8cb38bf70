// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/any_layer.hpp"
#include "nash/nn/chain.hpp"

namespace nash {
namespace detail {

/// Layers whose types are not known: a vector.
template <class T, class D>
class DynamicChildren {
 public:
  using Saved = std::vector<typename AnyLayer<T, D>::Saved>;

  struct Traits {
    static constexpr bool twice_differentiable = true;  // each layer is asked when it happens
  };

  explicit DynamicChildren(std::vector<AnyLayer<T, D>> layers) : layers_(std::move(layers)) {
    if (layers_.empty()) throw ShapeError("AnySequential", "at least one layer", "none", "add a layer to the description");
  }

  index_t size() const { return static_cast<index_t>(layers_.size()); }
  void prepare(Saved& saved) const { saved.resize(layers_.size()); }

  void visit(index_t i, const auto& f) const { f(layers_[static_cast<std::size_t>(i)]); }
  void visit(index_t i, const auto& f) { f(layers_[static_cast<std::size_t>(i)]); }
  void visit(index_t i, Saved& saved, const auto& f) const {
    f(layers_[static_cast<std::size_t>(i)], saved[static_cast<std::size_t>(i)]);
  }
  void visit(index_t i, Saved& saved, const auto& f) {
    f(layers_[static_cast<std::size_t>(i)], saved[static_cast<std::size_t>(i)]);
  }

  static bool fuses(index_t) { return false; }  // their types are not known
  void visit_fused(index_t, const auto&) const {}
  void visit_fused(index_t, Saved&, const auto&) const {}

  const std::vector<AnyLayer<T, D>>& layers() const { return layers_; }

 private:
  std::vector<AnyLayer<T, D>> layers_;
};

}  // namespace detail

/// Layers one after the other, put together at run time. See LayerRegistry for building one from a description.
template <class T = float, class D = Cpu>
class AnySequential : public Chain<detail::DynamicChildren<T, D>, T, D> {
  using Base = Chain<detail::DynamicChildren<T, D>, T, D>;

 public:
  static constexpr Reads reads{.input = true, .output = true};
  static constexpr bool curved = true;  // not known here: ask is_curved()

  explicit AnySequential(std::vector<AnyLayer<T, D>> layers) : Base(detail::DynamicChildren<T, D>(std::move(layers))) {}
};

}  // namespace nash
