// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

namespace detail {

/// Runs f, of whatever type, and adds the layer to an error that comes out: compiled once, not for each f.
inline void tell_layer(index_t i, const void* f, void (*run)(const void* f)) {
  try {
    run(f);
  } catch (Error& error) {
    error.add_location(concat("layer ", i));
    throw;
  }
}

}  // namespace detail

/// Layers one after the other: y = f_{n−1}(… f₁(f₀(x))). The common part of Sequential, whose layers are known when the
/// program is compiled, and AnySequential, whose layers are not.
///
/// Children supplies    size(), visit(i, f), which calls f(layer i), and visit(i, saved, f), which calls f(layer i, its saved)
///                      fuses(i), visit_fused(i, f), visit_fused(i, saved, f): layers i and i + 1 as one, see Fusion
///                      Saved, resizable to the children; Traits: what is true of some or all children
///
/// Activation i is the output of layer i; the last one is y itself. Layers run in place where nobody reads what is lost, and
/// neighbours run as one where there is a Fusion of them.
template <class Children, class T, class D>
class Chain : public LayerDefaults<T, D> {
 public:
  /// The children's own saved state, the activations between them and, in passes of second order, the cotangents and tangents.
  struct Saved {
    typename Children::Saved children;
    std::vector<Tensor<T, D>> activations;
    std::vector<Tensor<T, D>> deltas;    // deltas[i]: the cotangent of activation i
    std::vector<Tensor<T, D>> tangents;  // tangents[i]: the tangent of activation i
    std::vector<index_t> slot;           // activation i is activations[slot[i]]
    bool has_deltas = false, has_tangents = false;  // of the pass that was saved last
  };

  explicit Chain(Children&& children) : children_(std::move(children)) {}

  index_t size() const { return children_.size(); }

  Shape output_shape(const Shape& x) const {
    Shape shape = x;
    for (index_t i = 0; i < size(); ++i) located(i, [&](const auto& layer) { shape = layer.output_shape(shape); });
    return shape;
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    if (saved == nullptr) return forward_without_saving(pass, x, y);
    assign_slots(pass, *saved);
    saved->has_deltas = saved->has_tangents = false;
    children_.prepare(saved->children);
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, *saved);
      const auto layer_y = [&]() -> Tensor<T, D>& { return i + 1 == size() ? y : saved->activations[at(saved->slot[at(i)])]; };
      if (fuses(pass, *saved, i)) {
        ++i;
        located_fused(i - 1, saved->children, [&](auto fusion, const auto& first, const auto& second, auto& own) {
          fusion.forward(child, first, second, layer_x, layer_y(), &own);
        });
      } else {
        located(i, saved->children, [&](const auto& layer, auto& own) { layer.forward(child, layer_x, layer_y(), &own); });
      }
    }
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    require_saved(saved);
    PingPong cotangents(pass, pass.second_order ? 0 : largest_activation(saved));
    if (pass.second_order) saved.deltas.resize(at(size() - 1));
    saved.has_deltas = saved.has_deltas || pass.second_order;
    const index_t last = dx != nullptr || pass.second_order ? 0 : grads != nullptr ? first_with_parameters() : size();
    const Tensor<T, D>* incoming = &dy;
    for (index_t i = size() - 1; i >= last; --i) {
      const Tensor<T, D>& layer_y = output(i, y, saved);
      const bool fused = i > last && pass.mode == Mode::train && fuses(pass, saved, i - 1);
      if (fused) --i;
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      Tensor<T, D>* outgoing = i == last && (i > 0 || dx == nullptr) ? nullptr
                               : i == 0                              ? dx
                               : pass.second_order                   ? &saved.deltas[at(i - 1)]
                                                                     : &cotangents.next(layer_x.shape());
      if (fused)
        located_fused(i, saved.children, [&](auto fusion, const auto& first, const auto& second, auto& own) {
          fusion.backward(child, first, second, layer_x, layer_y, own, *incoming, outgoing, grads);
        });
      else
        located(i, saved.children, [&](const auto& layer, auto& own) {
          layer.backward(child, layer_x, layer_y, own, *incoming, outgoing, grads);
        });
      incoming = outgoing;
    }
  }

  void commit(Context<D>& context, Saved& saved) {
    for (index_t i = 0; i < size(); ++i)
      children_.visit(i, saved.children, [&](auto& layer, auto& own) { layer.commit(context, own); });
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const
    requires Children::Traits::twice_differentiable
  {
    require_saved(saved);
    PingPong tangents(pass, pass.second_order ? 0 : largest_activation(saved));
    if (pass.second_order) saved.tangents.resize(at(size() - 1));
    saved.has_tangents = saved.has_tangents || pass.second_order;
    const Tensor<T, D>* incoming = &x_tangent;
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      const Tensor<T, D>& layer_y = output(i, y, saved);
      Tensor<T, D>* outgoing = i + 1 == size()     ? &y_tangent
                               : pass.second_order ? &saved.tangents[at(i)]
                                                   : &tangents.next(layer_y.shape());
      located(i, saved.children, [&](const auto& layer, auto& own) {
        layer.tangent(child, layer_x, layer_y, own, *incoming, *outgoing);
      });
      incoming = outgoing;
    }
  }

  /// From the last layer to the first: what later layers say about activation i goes back by an ordinary backward pass, and
  /// each layer adds its own second-order term. Nothing goes back as long as all later layers are piecewise linear.
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const
    requires Children::Traits::twice_differentiable
  {
    if (!saved.has_deltas || !saved.has_tangents)
      throw Error("Sequential", "tangent_backward without a backward and a tangent pass of second order on the same saved state",
                  "run forward, backward and tangent with pass.second_order = true");
    PingPong cotangents(pass, std::max(largest_activation(saved), x.count()));
    const Tensor<T, D>* incoming = nullptr;  // null: zero
    for (index_t i = size() - 1; i >= 0; --i) {
      const Pass<D> child = pass.child(i);
      const Tensor<T, D>& layer_x = input(i, x, saved);
      const Tensor<T, D>& layer_y = output(i, y, saved);
      const Tensor<T, D>& layer_tangent = i == 0 ? x_tangent : saved.tangents[at(i - 1)];
      const Tensor<T, D>& layer_delta = i + 1 == size() ? delta : saved.deltas[at(i)];
      located(i, saved.children, [&](const auto& layer, auto& own) {
        const bool wanted = (i > 0 || x_bar != nullptr) && (incoming != nullptr || nash::is_curved(layer));
        if (!wanted) {
          if (incoming != nullptr) layer.backward(child.first_order(), layer_x, layer_y, own, *incoming, nullptr, grads);
          layer.tangent_backward(child, layer_x, layer_y, own, layer_tangent, layer_delta, nullptr, grads);
          incoming = nullptr;
          return;
        }
        Tensor<T, D>& outgoing = cotangents.next(layer_x.shape());
        if (incoming != nullptr)
          layer.backward(child.first_order(), layer_x, layer_y, own, *incoming, &outgoing, grads);
        else
          pointwise(pass.context, outgoing.count(), Fill<T>{outgoing.data(), T{0}});
        layer.tangent_backward(child, layer_x, layer_y, own, layer_tangent, layer_delta, &outgoing, grads);
        incoming = &outgoing;
      });
    }
    if (x_bar != nullptr && incoming != nullptr)
      pointwise(pass.context, x_bar->count(), Accumulate<T>{incoming->data(), x_bar->data()});
  }

  void refresh(Context<D>& context) {
    for (index_t i = 0; i < size(); ++i) children_.visit(i, [&](auto& layer) { nash::refresh(context, layer); });
  }
  void restore(Context<D>& context) {
    for (index_t i = 0; i < size(); ++i) children_.visit(i, [&](auto& layer) { nash::restore(context, layer); });
  }

  bool is_curved() const { return any([](const auto& layer) { return nash::is_curved(layer); }); }
  bool couples() const { return any([](const auto& layer) { return nash::couples(layer); }); }
  bool is_twice_differentiable() const { return !any([](const auto& layer) { return !nash::is_twice_differentiable(layer); }); }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    for (index_t i = 0; i < self.size(); ++i)
      self.children_.visit(i, [&](auto& layer) {
        std::remove_cvref_t<decltype(layer)>::visit_state(
            layer, [&](const StateName& name, auto& state) { visit(StateName(i, name), state); });
      });
  }

  /// Calls f(i, layer's type, activation i) for every layer of a saved pass whose output was y, for diagnosis.
  template <class Function>
  void for_each_activation(const Saved& saved, const Tensor<T, D>& y, Function&& f) const {
    for (index_t i = 0; i < size(); ++i)
      children_.visit(i, [&](const auto& layer) { f(i, layer.describe().type(), output(i, y, saved)); });
  }

  LayerDescription describe() const {
    LayerDescription description("Sequential");
    for (index_t i = 0; i < size(); ++i) children_.visit(i, [&](const auto& layer) { description.add(layer.describe()); });
    return description;
  }

 protected:
  const Children& children() const { return children_; }

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

  bool any(const auto& property) const {
    bool found = false;
    for (index_t i = 0; i < size(); ++i) children_.visit(i, [&](const auto& layer) { found = found || property(layer); });
    return found;
  }

  void require_saved(const Saved& saved) const {
    if (static_cast<index_t>(saved.slot.size()) != size())
      throw Error("Sequential", "a pass back without a forward pass that saved its state", "run forward with this saved state first");
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

  /// What the chain needs to know of a layer to arrange its memory.
  struct Facts {
    bool runs_in_place = false, has_state = false;
    Reads reads{};
  };
  Facts facts(index_t i) const {
    Facts found;
    children_.visit(i, [&](const auto& layer) {
      using L = std::remove_cvref_t<decltype(layer)>;
      found.runs_in_place = L::runs_in_place;
      found.reads = L::reads;
      L::visit_state(layer, [&](const auto&, const auto&) { found.has_state = true; });
    });
    return found;
  }

  index_t first_with_parameters() const {
    index_t i = 0;
    while (i < size() && !facts(i).has_state) ++i;
    return i;
  }

  /// Layer i > 0 overwrites its input where its backward does not read it and the layer before does not read its output.
  void assign_slots(const Pass<D>& pass, Saved& saved) const {
    saved.slot.resize(at(size()));
    saved.activations.resize(at(size() - 1));
    index_t slots = 0;
    for (index_t i = 0; i < size(); ++i) {
      const Facts own = facts(i);
      const bool possible = i > 0 && i + 1 < size() && !pass.second_order && own.runs_in_place && !own.reads.input;
      const bool in_place = possible && !facts(i - 1).reads.output;
      saved.slot[at(i)] = in_place ? saved.slot[at(i - 1)] : slots++;
    }
  }

  void forward_without_saving(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y) const {
    index_t largest = 0;
    Shape shape = x.shape();
    for (index_t i = 0; i + 1 < size(); ++i)
      located(i, [&](const auto& layer) {
        shape = layer.output_shape(shape);
        largest = std::max(largest, shape.count());
      });
    PingPong activations(pass, largest);
    const Tensor<T, D>* incoming = &x;
    Tensor<T, D>* own = nullptr;  // incoming, where it is ours to overwrite
    for (index_t i = 0; i < size(); ++i) {
      const Pass<D> child = pass.child(i);
      if (fuses(pass, i)) {
        ++i;
        located_fused(i - 1, [&](auto fusion, const auto& first, const auto& second) {
          Tensor<T, D>& outgoing = i + 1 == size() ? y : activations.next(first.output_shape(incoming->shape()));
          fusion.forward(child, first, second, *incoming, outgoing, nullptr);
          incoming = own = &outgoing;
        });
        continue;
      }
      located(i, [&](const auto& layer) {
        const bool in_place = own != nullptr && std::remove_cvref_t<decltype(layer)>::runs_in_place;
        Tensor<T, D>& outgoing = i + 1 == size() ? y : in_place ? *own : activations.next(layer.output_shape(incoming->shape()));
        layer.forward(child, *incoming, outgoing, nullptr);
        incoming = own = &outgoing;
      });
    }
  }

  /// Whether a pass runs layers i and i + 1 as one.
  bool fuses(const Pass<D>& pass, index_t i) const { return pass.fused && !pass.second_order && children_.fuses(i); }

  /// The same of a pass that saves: there the two must share a slot, since only the second's output is kept.
  bool fuses(const Pass<D>& pass, const Saved& saved, index_t i) const {
    return fuses(pass, i) && saved.slot[at(i)] == saved.slot[at(i + 1)];
  }

  /// Visits layer i and tells the errors that come out of it which layer it was.
  template <class... Arguments>
  void located(index_t i, Arguments&&... arguments) const {
    const auto visit = [&] { children_.visit(i, arguments...); };
    detail::tell_layer(i, &visit, [](const void* f) { (*static_cast<decltype(visit)*>(f))(); });
  }
  template <class... Arguments>
  void located_fused(index_t i, Arguments&&... arguments) const {
    const auto visit = [&] { children_.visit_fused(i, arguments...); };
    detail::tell_layer(i, &visit, [](const void* f) { (*static_cast<decltype(visit)*>(f))(); });
  }

  Children children_;
};

}  // namespace nash
