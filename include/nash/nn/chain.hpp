// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer_table.hpp"

namespace nash {

/// One layer of a chain.
template <class T, class D>
struct Link {
  AnyValue layer;
  const LayerTable<T, D>* table;
  const FusionTable<T, D>* fusion;  ///< with the layer after it; null: none
};

/// Layers one after the other: y = f_{n−1}(… f₁(f₀(x))). What Sequential, whose layers are known when the program is compiled, and
/// AnySequential, whose layers are not, have in common. It sees layers through their tables, and so is compiled once for all.
///
/// Activation i is the output of layer i; the last one is y itself. Layers run in place where nobody reads what is lost, and
/// neighbours run as one where there is a Fusion of them.
template <class T, class D>
class Chain : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = true, .output = true};

  /// The layers' own saved state, the activations between them and, in passes of second order, the cotangents and tangents.
  struct Saved {
    std::vector<AnyValue> layers;
    std::vector<Tensor<T, D>> activations;
    std::vector<Tensor<T, D>> deltas;    // deltas[i]: the cotangent of activation i; not where a pair that went as one has it between
    std::vector<Tensor<T, D>> tangents;  // tangents[i]: the tangent of activation i, likewise
    std::vector<index_t> slot;           // activation i is activations[slot[i]]
    bool has_deltas = false, has_tangents = false;  // of the pass that was saved last
  };

  index_t size() const { return static_cast<index_t>(links_.size()); }
  /// The layers, for who goes through them one by one.
  const auto& links() const { return links_; }

  NASH_COLD Shape output_shape(const Shape& x) const {
    Shape shape = x;
    for (index_t i = 0; i < size(); ++i) shape = output_shape(i, shape);
    return shape;
  }

  NASH_COLD void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    if (saved == nullptr) return forward_without_saving(pass, x, y);
    prepare(pass, *saved);
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, *saved);
      const bool fused = fuses(pass, *saved, i);
      const index_t last = fused ? i + 1 : i;
      Tensor<T, D>& layer_y = last + 1 == size() ? y : saved->activations[at(saved->slot[at(last)])];
      forward(i, fused, child, layer_x, layer_y, saved->layers[at(i)].get());
      i = last;
    }
  }

  NASH_COLD void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T,
                          D>& dy, Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    require_saved(saved);
    PingPong cotangents(pass, pass.second_order ? 0 : largest_activation(saved));
    if (pass.second_order) saved.deltas.resize(at(size() - 1));
    saved.has_deltas = saved.has_deltas || pass.second_order;
    const index_t last = dx != nullptr || pass.second_order ? 0 : grads != nullptr ? first_with_parameters() : size();
    const Tensor<T, D>* incoming = &dy;
    for (index_t i = size() - 1; i >= last; --i) {
      const Tensor<T, D>& layer_y = output(i, y, saved);
      const Tensor<T, D>& between = input(i, x, saved);
      const bool fused = i > last && goes_back_fused(pass, saved, i - 1) && !(i - 1 > last && trains_fused(pass, saved, i - 2));
      if (fused) --i;
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      Tensor<T, D>* outgoing = i == last && (i > 0 || dx == nullptr) ? nullptr
                               : i == 0                              ? dx
                               : pass.second_order                   ? &saved.deltas[at(i - 1)]
                                                                     : &cotangents.next(layer_x.shape());
      located(i, [&] {
        const Link<T, D>& link = links_[at(i)];
        void* const own = saved.layers[at(i)].get();
        if (fused)
          link.fusion->backward(link.layer.get(), layer(i + 1), child, layer_x, between, layer_y, own, *incoming, outgoing, grads);
        else
          link.table->backward(link.layer.get(), child, layer_x, layer_y, own, *incoming, outgoing, grads);
      });
      incoming = outgoing;
    }
  }

  NASH_COLD void commit(Context<D>& context, Saved& saved) {
    if (saved.layers.empty()) return;  // of no pass yet
    require_saved(saved);
    for (std::size_t i = 0; i < links_.size(); ++i)
      if (const auto commit = links_[i].table->commit; commit != nullptr) commit(links_[i].layer.get(), context, saved.layers[i].get());
  }

  NASH_COLD void refresh(Context<D>& context) {
    for (const auto& link : links_)
      if (link.table->refresh != nullptr) link.table->refresh(link.layer.get(), context);
  }
  NASH_COLD void restore(Context<D>& context) {
    for (const auto& link : links_)
      if (link.table->restore != nullptr) link.table->restore(link.layer.get(), context);
  }

  NASH_COLD LayerTraits traits() const {
    LayerTraits traits;
    for (const auto& link : links_) traits = traits.with(link.table->traits(link.layer.get()));
    return traits;
  }

  NASH_COLD void find_in_the_way(LayersInTheWay& found) const {
    for (const auto& link : links_) link.table->find_in_the_way(link.layer.get(), found);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    AnyStateVisitor<T, D, std::is_const_v<Self>, std::remove_reference_t<Visitor>> visitor(visit);
    self.visit_links(visitor);
  }

  /// The activations of a saved pass whose output was y, for diagnosis. Where layers ran in place, some are the same tensor.
  NASH_COLD std::vector<const Tensor<T, D>*> activations(const Saved& saved, const Tensor<T, D>& y) const {
    require_saved(saved);
    std::vector<const Tensor<T, D>*> found(links_.size());
    for (index_t i = 0; i < size(); ++i) found[at(i)] = &output(i, y, saved);
    return found;
  }

  NASH_COLD LayerDescription describe() const {
    LayerDescription description("Sequential");
    for (const auto& link : links_) description.add(link.table->describe(link.layer.get()));
    return description;
  }

 protected:
  Chain() = default;

  NASH_COLD void add(AnyValue layer, const LayerTable<T, D>* table, const FusionTable<T, D>* fusion) {
    links_.push_back({std::move(layer), table, fusion});
  }

  const void* layer(index_t i) const { return links_[at(i)].layer.get(); }

  /// `tables` are the layers' tables of either order; null where the links' own are.
  NASH_COLD void tangent(const LayerTable<T, D>* const* tables, const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T,
                         D>& y, Saved& saved, const Tensor<T, D>& x_tangent, Tensor<T, D>& y_tangent) const {
    require_saved(saved);
    PingPong tangents(pass, pass.second_order ? 0 : largest_activation(saved));
    if (pass.second_order) saved.tangents.resize(at(size() - 1));
    saved.has_tangents = saved.has_tangents || pass.second_order;
    const Tensor<T, D>* incoming = &x_tangent;
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      const bool fused = fuses(pass, saved, i) && links_[at(i)].fusion->tangent != nullptr;
      const index_t last = fused ? i + 1 : i;
      const Tensor<T, D>& layer_y = output(last, y, saved);
      Tensor<T, D>* outgoing = last + 1 == size()  ? &y_tangent
                               : pass.second_order ? &saved.tangents[at(last)]
                                                   : &tangents.next(layer_y.shape());
      located(i, [&] {
        if (fused)
          links_[at(i)].fusion->tangent(layer(i), layer(last), child, layer_y, *incoming, *outgoing);
        else
          table(tables, i).tangent(layer(i), child, layer_x, layer_y, saved.layers[at(i)].get(), *incoming, *outgoing);
      });
      incoming = outgoing;
      i = last;
    }
  }

  /// From the last layer to the first: what later layers say about activation i goes back by an ordinary backward pass, and
  /// each layer adds its own second-order term. Nothing goes back as long as all later layers are piecewise linear.
  NASH_COLD void tangent_backward(const LayerTable<T, D>* const* tables, const Pass<D>& pass, const Tensor<T, D>& x,
                                  const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent, const Tensor<T,
                                  D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    if (!saved.has_deltas || !saved.has_tangents)
      throw Error("Sequential", "tangent_backward without a backward and a tangent pass of second order on the same saved state",
                  "run forward, backward and tangent with pass.second_order = true");
    require_saved(saved);
    PingPong cotangents(pass, std::max(largest_activation(saved), x.count()));
    const Tensor<T, D>* incoming = nullptr;  // null: zero
    for (index_t i = size() - 1; i >= 0; --i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      const Tensor<T, D>& layer_y = output(i, y, saved);
      const Tensor<T, D>& layer_tangent = i == 0 ? x_tangent : saved.tangents[at(i - 1)];
      const Tensor<T, D>& layer_delta = i + 1 == size() ? delta : saved.deltas[at(i)];
      located(i, [&] {
        const LayerTable<T, D>& table = this->table(tables, i);
        const void* const layer = this->layer(i);
        void* const own = saved.layers[at(i)].get();
        const bool wanted = (i > 0 || x_bar != nullptr) && (incoming != nullptr || table.traits(layer).curved);
        Tensor<T, D>* outgoing = wanted ? &cotangents.next(layer_x.shape()) : nullptr;
        if (incoming != nullptr)
          table.backward(layer, child.first_order(), layer_x, layer_y, own, *incoming, outgoing, grads);
        else if (wanted)
          pointwise(pass.context, outgoing->count(), Fill<T>{outgoing->data(), T{0}});
        table.tangent_backward(layer, child, layer_x, layer_y, own, layer_tangent, layer_delta, outgoing, grads);
        incoming = outgoing;
      });
    }
    if (x_bar != nullptr && incoming != nullptr)
      pointwise(pass.context, x_bar->count(), Accumulate<T>{incoming->data(), x_bar->data()});
  }

 private:
  /// Two tensors of scratch memory that results alternate between.
  class PingPong {
   public:
    PingPong(const Pass<D>& pass, index_t capacity)
        : memory_(pass.context.template scratch<T>(2 * capacity)),
          tensors_{Tensor<T, D>::borrow(memory_.data(), capacity, Shape{0}),
                   Tensor<T, D>::borrow(memory_.data() + capacity, capacity, Shape{0})} {}

    Tensor<T, D>& next(const Shape& shape) {
      current_ = 1 - current_;
      tensors_[current_].resize(shape);
      return tensors_[current_];
    }

   private:
    typename Arena<D>::template Scratch<T> memory_;
    Tensor<T, D> tensors_[2];
    int current_ = 0;
  };

  NASH_COLD Shape output_shape(index_t i, const Shape& x) const {
    Shape shape;
    located(i, [&] { shape = links_[at(i)].table->output_shape(layer(i), x); });
    return shape;
  }

  /// Layer i, or layers i and i + 1 as one.
  NASH_COLD void forward(index_t i, bool fused, const Pass<D>& child, const Tensor<T, D>& x, Tensor<T, D>& y,
                         void* saved) const {
    located(i, [&] {
      const Link<T, D>& link = links_[at(i)];
      if (fused)
        link.fusion->forward(link.layer.get(), layer(i + 1), child, x, y, saved);
      else
        link.table->forward(link.layer.get(), child, x, y, saved);
    });
  }

  /// Arranges the memory of a pass that saves.
  NASH_COLD void prepare(const Pass<D>& pass, Saved& saved) const {
    saved.layers.resize(links_.size());
    for (std::size_t i = 0; i < links_.size(); ++i)
      if (const ValueTable* type = links_[i].table->saved; saved.layers[i].table() != type) saved.layers[i] = AnyValue(*type);
    assign_slots(pass, saved);
    saved.has_deltas = saved.has_tangents = false;
  }

  NASH_COLD void require_saved(const Saved& saved) const {
    bool fits = saved.layers.size() == links_.size();
    for (std::size_t i = 0; fits && i < links_.size(); ++i) fits = saved.layers[i].table() == links_[i].table->saved;
    if (!fits)
      throw Error("Sequential", "a pass back without a forward pass that saved its state", "run forward with this saved state first");
  }

  NASH_COLD void visit_links(StateVisitor<T, D>& visitor) const {
    for (index_t i = 0; i < size(); ++i) {
      NumberedStateVisitor<T, D> numbered(i, visitor);
      links_[at(i)].table->visit_state(links_[at(i)].layer.get(), numbered);
    }
  }

  const LayerTable<T, D>& table(const LayerTable<T, D>* const* tables, index_t i) const {
    return tables == nullptr ? *links_[at(i)].table : *tables[i];
  }

  static std::size_t at(index_t i) { return static_cast<std::size_t>(i < 0 ? 0 : i); }

  const Tensor<T, D>& input(index_t i, const Tensor<T, D>& x, const Saved& saved) const {
    return i == 0 ? x : saved.activations[at(saved.slot[at(i - 1)])];
  }
  const Tensor<T, D>& output(index_t i, const Tensor<T, D>& y, const Saved& saved) const {
    return i + 1 == size() ? y : saved.activations[at(saved.slot[at(i)])];
  }

  static index_t largest_activation(const Saved& saved) {
    index_t largest = 0;
    for (const auto& activation : saved.activations) largest = std::max(largest, activation.count());
    return largest;
  }

  bool has_state(index_t i) const {
    bool found = false;
    const auto note = [&](const StateName&, const auto&) { found = true; };
    AnyStateVisitor<T, D, true, decltype(note)> visitor(note);
    links_[at(i)].table->visit_state(links_[at(i)].layer.get(), visitor);
    return found;
  }

  index_t first_with_parameters() const {
    index_t i = 0;
    while (i < size() && !has_state(i)) ++i;
    return i;
  }

  /// Layer i > 0 overwrites its input where its backward does not read it and the layer before does not read its output.
  NASH_COLD void assign_slots(const Pass<D>& pass, Saved& saved) const {
    saved.slot.resize(at(size()));
    saved.activations.resize(at(size() - 1));
    index_t slots = 0;
    for (index_t i = 0; i < size(); ++i) {
      const LayerTable<T, D>& own = *links_[at(i)].table;
      const bool possible = i > 0 && i + 1 < size() && (!pass.second_order || fuses(pass, i - 1)) && own.runs_in_place && !own.reads.input;
      const bool in_place = possible && !links_[at(i - 1)].table->reads.output;
      saved.slot[at(i)] = in_place ? saved.slot[at(i - 1)] : slots++;
    }
  }

  NASH_COLD void forward_without_saving(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y) const {
    index_t largest = 0;
    Shape shape = x.shape();
    for (index_t i = 0; i + 1 < size(); ++i) {
      shape = output_shape(i, shape);
      largest = std::max(largest, shape.count());
    }
    PingPong activations(pass, largest);
    const Tensor<T, D>* incoming = &x;
    Tensor<T, D>* own = nullptr;  // incoming, where it is ours to overwrite
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      const bool fused = fuses(pass, i), in_place = own != nullptr && !fused && links_[at(i)].table->runs_in_place;
      const index_t last = fused ? i + 1 : i;
      Tensor<T, D>& outgoing = last + 1 == size() ? y : in_place ? *own : activations.next(output_shape(i, incoming->shape()));
      forward(i, fused, child, *incoming, outgoing, nullptr);
      incoming = own = &outgoing;
      i = last;
    }
  }

  /// The fusion of layers i and i + 1 that a pass of its order may use; null: none.
  const FusionTable<T, D>* fusion(const Pass<D>& pass, index_t i) const {
    const FusionTable<T, D>* found = links_[at(i)].fusion;
    return found != nullptr && pass.fused && (!pass.second_order || found->of_second_order) ? found : nullptr;
  }

  /// Whether a pass runs layers i and i + 1 as one.
  bool fuses(const Pass<D>& pass, index_t i) const {
    const FusionTable<T, D>* found = fusion(pass, i);
    return found != nullptr && found->forward != nullptr;
  }

  /// The same of a pass that saves: there the two must share a slot, since only the second's output is kept.
  bool fuses(const Pass<D>& pass, const Saved& saved, index_t i) const {
    return fuses(pass, i) && saved.slot[at(i)] == saved.slot[at(i + 1)];
  }

  /// Whether layers i and i + 1 go back as one; where that is for training passes alone, what lies between was not kept.
  bool trains_fused(const Pass<D>& pass, const Saved& saved, index_t i) const {
    const FusionTable<T, D>* found = fusion(pass, i);
    return found != nullptr && found->backward != nullptr && found->trains_only && pass.mode == Mode::train && fuses(pass, saved, i);
  }
  bool goes_back_fused(const Pass<D>& pass, const Saved& saved, index_t i) const {
    const FusionTable<T, D>* found = fusion(pass, i);
    return found != nullptr && found->backward != nullptr && (!found->trains_only || trains_fused(pass, saved, i));
  }

  /// Runs f for layer i and tells the errors that come out of it which layer it was.
  template <class Function>
  static void located(index_t i, const Function& f) {
    try {
      f();
    } catch (Error& error) {
      error.add_location(concat({"layer ", i}));
      throw;
    }
  }

  std::vector<Link<T, D>> links_;
};

}  // namespace nash
