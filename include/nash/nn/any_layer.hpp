// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer_table.hpp"

namespace nash {

/// Any layer of one scalar type and device behind one type, for networks whose structure is known at run time only.
///
/// What a static network refuses at compile time is refused here when it happens: tangents of a layer that has none.
template <class T = float, class D = Cpu>
class AnyLayer {
 public:
  using Scalar = T;
  using Device = D;
  static constexpr Reads reads{.input = true, .output = true};
  static constexpr bool runs_in_place = false;
  static constexpr bool couples_samples = false;  // not known here: ask traits()
  static constexpr bool curved = true;            // not known here: ask traits()

  /// The layer's own saved state, made at the first pass and kept.
  class Saved {
    friend AnyLayer;
    AnyValue state;
  };

  template <Layer L>
    requires(!std::same_as<L, AnyLayer> && std::same_as<typename L::Scalar, T> && std::same_as<typename L::Device, D>)
  AnyLayer(L layer) : layer_(std::move(layer)), table_(&second_order_table<L>) {}  // NOLINT: every layer is an AnyLayer

  /// A layer that is already there as a value, with the table of its type.
  AnyLayer(AnyValue layer, const LayerTable<T, D>* table) : layer_(std::move(layer)), table_(table) {}

  /// The layer as what it is, or null where it is of another type.
  template <Layer L>
  const L* as() const {
    return table_ == &second_order_table<L> ? static_cast<const L*>(layer_.get()) : nullptr;
  }

  Shape output_shape(const Shape& x) const { return table_->output_shape(layer_.get(), x); }
  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    table_->forward(layer_.get(), pass, x, y, saved == nullptr ? nullptr : state_of(*saved));
  }
  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    table_->backward(layer_.get(), pass, x, y, state_of(saved), dy, dx, grads);
  }
  void commit(Context<D>& context, Saved& saved) {
    if (table_->commit != nullptr) table_->commit(layer_.get(), context, state_of(saved));
  }
  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    table_->tangent(layer_.get(), pass, x, y, state_of(saved), x_tangent, y_tangent);
  }
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    table_->tangent_backward(layer_.get(), pass, x, y, state_of(saved), x_tangent, delta, x_bar, grads);
  }
  void refresh(Context<D>& context) {
    if (table_->refresh != nullptr) table_->refresh(layer_.get(), context);
  }
  void restore(Context<D>& context) {
    if (table_->restore != nullptr) table_->restore(layer_.get(), context);
  }
  LayerTraits traits() const { return table_->traits(layer_.get()); }
  void find_in_the_way(LayersInTheWay& found) const { table_->find_in_the_way(layer_.get(), found); }
  NASH_COLD LayerDescription describe() const { return table_->describe(layer_.get()); }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    AnyStateVisitor<T, D, std::is_const_v<Self>, std::remove_reference_t<Visitor>> visitor(visit);
    self.table_->visit_state(self.layer_.get(), visitor);
  }

  /// The layer itself, for a Chain.
  AnyValue value() && { return std::move(layer_); }
  const LayerTable<T, D>* table() const { return table_; }

 private:
  void* state_of(Saved& saved) const {
    if (saved.state.table() != table_->saved) saved.state = AnyValue(*table_->saved);
    return saved.state.get();
  }

  AnyValue layer_;
  const LayerTable<T, D>* table_;
};

}  // namespace nash
