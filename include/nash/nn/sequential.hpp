// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <tuple>

#include "nash/nn/chain.hpp"
#include "nash/nn/fusion.hpp"

namespace nash {

/// Layers one after the other: Sequential{Dense{100, 784}, Tanh{}}. It is a layer itself.
template <class First, class... Rest>
class Sequential : public Chain<typename First::Scalar, typename First::Device> {
  static_assert(Layer<First> && (Layer<Rest> && ...), "what a Sequential holds must be a layer: see the concept nash::Layer");
  static_assert((std::is_same_v<typename Rest::Scalar, typename First::Scalar> && ...), "all layers of a Sequential have one scalar type");
  static_assert((std::is_same_v<typename Rest::Device, typename First::Device> && ...), "all layers of a Sequential are on one device");

  using T = typename First::Scalar;
  using D = typename First::Device;
  using Base = Chain<T, D>;
  template <std::size_t i>
  using LayerAt = std::tuple_element_t<i, std::tuple<First, Rest...>>;

 public:
  using typename Base::Saved;
  static constexpr bool couples_samples = First::couples_samples || (Rest::couples_samples || ...);
  static constexpr bool penalised_although_coupled = !RefusesPenalties<First> && (!RefusesPenalties<Rest> && ...);
  static constexpr bool curved = First::curved || (Rest::curved || ...);

  NASH_COLD explicit Sequential(First first, Rest... rest) {
    std::size_t i = 0;
    constexpr auto fusions = fusions_with_next(std::make_index_sequence<sizeof...(Rest)>{});
    this->add(AnyValue(std::move(first)), &layer_table<First>, fusions[i]);
    (this->add(AnyValue(std::move(rest)), &layer_table<Rest>, fusions[++i]), ...);
  }

  template <std::size_t i>
  const auto& layer() const {
    return *static_cast<const LayerAt<i>*>(Base::layer(i));
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const
    requires TwiceDifferentiable<First> && (TwiceDifferentiable<Rest> && ...)
  {
    Base::tangent(tables_of_either_order(), pass, x, y, saved, x_tangent, y_tangent);
  }
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const
    requires TwiceDifferentiable<First> && (TwiceDifferentiable<Rest> && ...)
  {
    Base::tangent_backward(tables_of_either_order(), pass, x, y, saved, x_tangent, delta, x_bar, grads);
  }

  /// The same network for another scalar type or device.
  template <class U, class E = D>
  auto to() const {
    return to<U, E>(std::index_sequence_for<First, Rest...>{});
  }

 private:
  template <std::size_t... Is>
  static constexpr std::array<const FusionTable<T, D>*, 1 + sizeof...(Rest)> fusions_with_next(std::index_sequence<Is...>) {
    return {fusion_table<LayerAt<Is>, LayerAt<Is + 1>>()..., nullptr};
  }

  /// Compiled only where there is a pass of second order.
  static const LayerTable<T, D>* const* tables_of_either_order() {
    static constexpr std::array<const LayerTable<T, D>*, 1 + sizeof...(Rest)> tables{&second_order_table<First>,
                                                                                    &second_order_table<Rest>...};
    return tables.data();
  }

  template <class U, class E, std::size_t... Is>
  auto to(std::index_sequence<Is...>) const {
    return nash::Sequential<decltype(layer<Is>().template to<U, E>())...>(layer<Is>().template to<U, E>()...);
  }
};

template <class First, class... Rest>
Sequential(First, Rest...) -> Sequential<First, Rest...>;

// A Sequential of one Sequential is that, not a copy of it.
template <class First, class... Rest>
Sequential(Sequential<First, Rest...>) -> Sequential<Sequential<First, Rest...>>;

}  // namespace nash
