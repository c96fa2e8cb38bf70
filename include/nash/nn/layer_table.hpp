// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/any_value.hpp"
#include "nash/nn/layer.hpp"
#include "nash/nn/state_visitor.hpp"

namespace nash {

/// The contract of nn/layer.hpp as functions of a layer whose type is not known: what a Chain of layers is compiled against,
/// once for all networks. `layer` and `saved` point to the layer and to its own saved state.
template <class T, class D>
struct LayerTable {
  using Values = Tensor<T, D>;

  Reads reads;
  bool runs_in_place;
  const ValueTable* saved;

  Shape (*output_shape)(const void* layer, const Shape& x);
  void (*forward)(const void* layer, const Pass<D>&, const Values& x, Values& y, void* saved);
  void (*backward)(const void* layer, const Pass<D>&, const Values& x, const Values& y, void* saved, const Values& dy, Values* dx,
                   Gradients<T, D>* grads);
  void (*visit_state)(void* layer, StateVisitor<T, D>&);
  LayerDescription (*describe)(const void* layer);
  LayerTraits (*traits)(const void* layer);
  void (*find_in_the_way)(const void* layer, LayersInTheWay& found);

  // Null where a layer has no such thing.
  void (*commit)(void* layer, Context<D>&, void* saved);
  void (*refresh)(void* layer, Context<D>&);
  void (*restore)(void* layer, Context<D>&);

  // Null in the tables of first order.
  void (*tangent)(const void* layer, const Pass<D>&, const Values& x, const Values& y, void* saved, const Values& x_tangent, Values& y_tangent);
  void (*tangent_backward)(const void* layer, const Pass<D>&, const Values& x, const Values& y, void* saved, const Values& x_tangent,
                           const Values& delta, Values* x_bar, Gradients<T, D>* grads);
};

/// Two neighbours as one layer, whose types are not known; see Fusion for what each does. Where one is null they go that way one by one.
template <class T, class D>
struct FusionTable {
  using Values = Tensor<T, D>;

  bool of_second_order = false;  ///< in passes of second order too
  bool trains_only = false;      ///< backward is of training passes alone, and reads nothing that lies between the two
  void (*forward)(const void* first, const void* second, const Pass<D>&, const Values& x, Values& y, void* first_saved) = nullptr;
  void (*backward)(const void* first, const void* second, const Pass<D>&, const Values& x, const Values& between, const Values& y, void* first_saved,
                   const Values& dy, Values* dx, Gradients<T, D>* grads) = nullptr;
  void (*tangent)(const void* first, const void* second, const Pass<D>&, const Values& y, const Values& x_tangent, Values& y_tangent) = nullptr;
};

/// The entries of L's tables.
template <class L>
struct LayerFunctions {
  using T = typename L::Scalar;
  using D = typename L::Device;
  using Values = Tensor<T, D>;
  using Saved = typename L::Saved;

  static const L& of(const void* layer) { return *static_cast<const L*>(layer); }
  static L& of(void* layer) { return *static_cast<L*>(layer); }

  static Shape output_shape(const void* layer, const Shape& x) { return of(layer).output_shape(x); }
  static void forward(const void* layer, const Pass<D>& pass, const Values& x, Values& y, void* saved) {
    of(layer).forward(pass, x, y, static_cast<Saved*>(saved));
  }
  static void backward(const void* layer, const Pass<D>& pass, const Values& x, const Values& y, void* saved, const Values& dy, Values* dx,
                       Gradients<T, D>* grads) {
    of(layer).backward(pass, x, y, *static_cast<Saved*>(saved), dy, dx, grads);
  }
  static void commit(void* layer, Context<D>& context, void* saved) { of(layer).commit(context, *static_cast<Saved*>(saved)); }
  static void refresh(void* layer, Context<D>& context) { of(layer).refresh(context); }
  static void restore(void* layer, Context<D>& context) { of(layer).restore(context); }
  static void visit_state(void* layer, StateVisitor<T, D>& visitor) { L::visit_state(of(layer), visitor); }
  NASH_COLD static LayerDescription describe(const void* layer) { return of(layer).describe(); }
  NASH_COLD static LayerTraits traits(const void* layer) { return traits_of(of(layer)); }
  NASH_COLD static void find_in_the_way(const void* layer, LayersInTheWay& found) { nash::find_in_the_way(of(layer), found); }

  static void tangent(const void* layer, const Pass<D>& pass, const Values& x, const Values& y, void* saved, const Values& x_tangent,
                      Values& y_tangent) {
    if constexpr (TwiceDifferentiable<L>)
      of(layer).tangent(pass, x, y, *static_cast<Saved*>(saved), x_tangent, y_tangent);
    else
      refuse_second_order(layer);
  }
  static void tangent_backward(const void* layer, const Pass<D>& pass, const Values& x, const Values& y, void* saved, const Values& x_tangent,
                               const Values& delta, Values* x_bar, Gradients<T, D>* grads) {
    if constexpr (TwiceDifferentiable<L>)
      of(layer).tangent_backward(pass, x, y, *static_cast<Saved*>(saved), x_tangent, delta, x_bar, grads);
    else
      refuse_second_order(layer);
  }

  [[noreturn]] NASH_COLD static void refuse_second_order(const void* layer) {
    throw Error(describe(layer).type(), "this layer has no second-order rule",
                "use a layer that is twice differentiable, or no penalty on gradients");
  }

  static constexpr LayerTable<T, D> first_order() {
    LayerTable<T, D> table{.reads = L::reads, .runs_in_place = L::runs_in_place, .saved = &value_table<Saved>, .output_shape = output_shape,
                           .forward = forward, .backward = backward, .visit_state = visit_state, .describe = describe, .traits = traits,
                           .find_in_the_way = find_in_the_way, .commit = nullptr, .refresh = nullptr, .restore = nullptr, .tangent = nullptr, .tangent_backward = nullptr};
    if constexpr (!std::same_as<Saved, NoSaved>) table.commit = commit;
    if constexpr (requires(L & layer, Context<D>& context) { layer.refresh(context); }) table.refresh = refresh;
    if constexpr (requires(L & layer, Context<D>& context) { layer.restore(context); }) table.restore = restore;
    return table;
  }
  static constexpr LayerTable<T, D> second_order() {
    LayerTable<T, D> table = first_order();
    table.tangent = tangent, table.tangent_backward = tangent_backward;
    return table;
  }
};

/// L's table for passes of first order. It compiles nothing of the second.
template <class L>
inline constexpr LayerTable<typename L::Scalar, typename L::Device> layer_table = LayerFunctions<L>::first_order();

/// L's table for passes of either order.
template <class L>
inline constexpr LayerTable<typename L::Scalar, typename L::Device> second_order_table = LayerFunctions<L>::second_order();

}  // namespace nash
