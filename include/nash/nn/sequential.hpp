// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>

#include "nash/nn/chain.hpp"
#include "nash/nn/fusion.hpp"

namespace nash {
namespace detail {

/// Layers whose types are known: a flat tuple.
template <class... Layers>
class StaticChildren {
 public:
  using Saved = std::tuple<typename Layers::Saved...>;

  struct Traits {
    static constexpr bool twice_differentiable = (TwiceDifferentiable<Layers> && ...);
    static constexpr bool couples_samples = (Layers::couples_samples || ...);
    static constexpr bool curved = (Layers::curved || ...);
  };

  explicit StaticChildren(Layers&&... layers) : layers_(std::move(layers)...) {}

  static constexpr index_t size() { return sizeof...(Layers); }
  static void prepare(Saved&) {}

  template <class Function>
  void visit(index_t i, Function&& f) const {
    visit_at(i, f, layers_, std::index_sequence_for<Layers...>{});
  }
  template <class Function>
  void visit(index_t i, Function&& f) {
    visit_at(i, f, layers_, std::index_sequence_for<Layers...>{});
  }
  template <class Function>
  void visit(index_t i, Saved& saved, Function&& f) const {
    visit_at(i, f, layers_, saved, std::index_sequence_for<Layers...>{});
  }
  template <class Function>
  void visit(index_t i, Saved& saved, Function&& f) {
    visit_at(i, f, layers_, saved, std::index_sequence_for<Layers...>{});
  }

  /// Whether layers i and i + 1 have a Fusion.
  static bool fuses(index_t i) {
    return any_pair(i, [](auto pair) { return decltype(pair)::fusion::exists; });
  }
  /// f(their Fusion, layer i, layer i + 1), for layers that have one; with saved state, that of layer i after them.
  template <class Function>
  void visit_fused(index_t i, Function&& f) const {
    any_pair(i, [&](auto pair) {
      using Pair = decltype(pair);
      if constexpr (Pair::fusion::exists) f(typename Pair::fusion{}, std::get<Pair::index>(layers_), std::get<Pair::index + 1>(layers_));
      return true;
    });
  }
  template <class Function>
  void visit_fused(index_t i, Saved& saved, Function&& f) const {
    any_pair(i, [&](auto pair) {
      using Pair = decltype(pair);
      if constexpr (Pair::fusion::exists)
        f(typename Pair::fusion{}, std::get<Pair::index>(layers_), std::get<Pair::index + 1>(layers_), std::get<Pair::index>(saved));
      return true;
    });
  }

  const std::tuple<Layers...>& layers() const { return layers_; }

 private:
  template <std::size_t i>
  struct PairAt {
    static constexpr std::size_t index = i;
    using fusion = Fusion<std::tuple_element_t<i, std::tuple<Layers...>>, std::tuple_element_t<i + 1, std::tuple<Layers...>>>;
  };

  /// f(pair i, i + 1); false where there is no such pair.
  template <class Function>
  static bool any_pair(index_t i, const Function& f) {
    return [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      return ((i == static_cast<index_t>(Is) && f(PairAt<Is>{})) || ...);
    }(std::make_index_sequence<sizeof...(Layers) - 1>{});
  }

  template <class Function, class Tuple, std::size_t... Is>
  static void visit_at(index_t i, Function& f, Tuple& layers, std::index_sequence<Is...>) {
    (void)((i == static_cast<index_t>(Is) ? (static_cast<void>(f(std::get<Is>(layers))), true) : false) || ...);
  }
  template <class Function, class Tuple, std::size_t... Is>
  static void visit_at(index_t i, Function& f, Tuple& layers, Saved& saved, std::index_sequence<Is...>) {
    (void)((i == static_cast<index_t>(Is) ? (static_cast<void>(f(std::get<Is>(layers), std::get<Is>(saved))), true) : false) || ...);
  }

  std::tuple<Layers...> layers_;
};

template <class First, class...>
struct FirstOf {
  using type = First;
};

template <class... Layers>
using ChainOf = Chain<StaticChildren<Layers...>, typename FirstOf<Layers...>::type::Scalar, typename FirstOf<Layers...>::type::Device>;

}  // namespace detail

/// Layers one after the other: Sequential{Dense{100, 784}, Tanh{}}. It is a layer itself.
template <class... Layers>
class Sequential : public detail::ChainOf<Layers...> {
  using Children = detail::StaticChildren<Layers...>;
  using First = typename detail::FirstOf<Layers...>::type;
  static_assert((Layer<Layers> && ...), "what a Sequential holds must be a layer: see the concept nash::Layer");
  static_assert((std::is_same_v<typename Layers::Scalar, typename First::Scalar> && ...), "all layers of a Sequential have one scalar type");
  static_assert((std::is_same_v<typename Layers::Device, typename First::Device> && ...), "all layers of a Sequential are on one device");

 public:
  static constexpr bool couples_samples = Children::Traits::couples_samples;
  static constexpr bool curved = Children::Traits::curved;
  static constexpr Reads reads{.input = true, .output = true};

  explicit Sequential(Layers... layers) : detail::ChainOf<Layers...>(Children(std::move(layers)...)) {}

  template <std::size_t i>
  const auto& layer() const {
    return std::get<i>(this->children().layers());
  }

  /// The same network for another scalar type or device.
  template <class U, class D = typename First::Device>
  auto to() const {
    return std::apply([](const auto&... layers) { return nash::Sequential<decltype(layers.template to<U, D>())...>(layers.template to<U, D>()...); },
                      this->children().layers());
  }
};

template <class... Layers>
Sequential(Layers...) -> Sequential<Layers...>;

// A Sequential of one Sequential is that, not a copy of it.
template <class... Layers>
Sequential(Sequential<Layers...>) -> Sequential<Sequential<Layers...>>;

}  // namespace nash
