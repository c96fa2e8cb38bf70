// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

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
  static constexpr bool couples_samples = false;  // not known here: ask couples()
  static constexpr bool curved = true;            // not known here: ask is_curved()

 private:
  struct SavedConcept {
    virtual ~SavedConcept() = default;
    virtual std::unique_ptr<SavedConcept> clone() const = 0;
  };

 public:
  class Saved {
   public:
    Saved() = default;
    Saved(const Saved& other) : state(other.state == nullptr ? nullptr : other.state->clone()), owner(other.owner) {}
    Saved& operator=(const Saved& other) { return *this = Saved(other); }
    Saved(Saved&&) noexcept = default;
    Saved& operator=(Saved&&) noexcept = default;

   private:
    friend AnyLayer;
    std::unique_ptr<SavedConcept> state;
    const void* owner = nullptr;
  };

  template <Layer L>
    requires(!std::same_as<L, AnyLayer> && std::same_as<typename L::Scalar, T> && std::same_as<typename L::Device, D>)
  AnyLayer(L layer) : model_(std::make_unique<Model<L>>(std::move(layer))) {}  // NOLINT: every layer is an AnyLayer

  AnyLayer(const AnyLayer& other) : model_(other.model_ == nullptr ? nullptr : other.model_->clone()) {}
  AnyLayer& operator=(const AnyLayer& other) {
    return *this = AnyLayer(other);
  }
  AnyLayer(AnyLayer&&) noexcept = default;
  AnyLayer& operator=(AnyLayer&&) noexcept = default;

  Shape output_shape(const Shape& x) const { return model_->output_shape(x); }
  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    model_->forward(pass, x, y, saved == nullptr ? nullptr : state_of(*saved));
  }
  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    model_->backward(pass, x, y, *state_of(saved), dy, dx, grads);
  }
  void commit(Context<D>& context, Saved& saved) { model_->commit(context, *state_of(saved)); }
  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    model_->tangent(pass, x, y, *state_of(saved), x_tangent, y_tangent);
  }
  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    model_->tangent_backward(pass, x, y, *state_of(saved), x_tangent, delta, x_bar, grads);
  }
  void refresh(Context<D>& context) { model_->refresh(context); }
  void restore(Context<D>& context) { model_->restore(context); }
  bool is_curved() const { return model_->is_curved(); }
  bool couples() const { return model_->couples(); }
  bool is_twice_differentiable() const { return model_->is_twice_differentiable(); }
  LayerDescription describe() const { return model_->describe(); }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Adapter<Self, Visitor> adapter(visit);
    self.model_->visit_state(adapter);
  }

 private:
  struct StateVisitor {
    virtual ~StateVisitor() = default;
    virtual void operator()(const StateName& name, Parameter<T, D>& parameter) = 0;
    virtual void operator()(const StateName& name, Buffer<T, D>& buffer) = 0;
  };

  /// Any visitor behind a virtual one. Only the visitor learns whether the layer is const.
  template <class Self, class Visitor>
  struct Adapter final : StateVisitor {
    template <class State>
    using As = std::conditional_t<std::is_const_v<Self>, const State, State>;

    explicit Adapter(Visitor& v) : visitor(v) {}
    void operator()(const StateName& name, Parameter<T, D>& parameter) override {
      visitor(name, static_cast<As<Parameter<T, D>>&>(parameter));
    }
    void operator()(const StateName& name, Buffer<T, D>& buffer) override {
      visitor(name, static_cast<As<Buffer<T, D>>&>(buffer));
    }
    Visitor& visitor;
  };

  struct Concept {
    virtual ~Concept() = default;
    virtual std::unique_ptr<Concept> clone() const = 0;
    virtual std::unique_ptr<SavedConcept> make_saved() const = 0;
    virtual const void* type() const = 0;
    virtual Shape output_shape(const Shape& x) const = 0;
    virtual void forward(const Pass<D>&, const Tensor<T, D>& x, Tensor<T, D>& y, SavedConcept*) const = 0;
    virtual void backward(const Pass<D>&, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept&, const Tensor<T, D>& dy,
                          Tensor<T, D>* dx, Gradients<T, D>*) const = 0;
    virtual void commit(Context<D>&, SavedConcept&) = 0;
    virtual void tangent(const Pass<D>&, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept&, const Tensor<T, D>& x_tangent,
                         Tensor<T, D>& y_tangent) const = 0;
    virtual void tangent_backward(const Pass<D>&, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept&,
                                  const Tensor<T, D>& x_tangent, const Tensor<T, D>& delta, Tensor<T, D>* x_bar,
                                  Gradients<T, D>*) const = 0;
    virtual void refresh(Context<D>&) = 0;
    virtual void restore(Context<D>&) = 0;
    virtual bool is_curved() const = 0;
    virtual bool couples() const = 0;
    virtual bool is_twice_differentiable() const = 0;
    virtual LayerDescription describe() const = 0;
    virtual void visit_state(StateVisitor&) = 0;
  };

  template <class L>
  struct Model final : Concept {
    struct Own final : SavedConcept {
      std::unique_ptr<SavedConcept> clone() const override { return std::make_unique<Own>(*this); }
      typename L::Saved saved;
    };
    static typename L::Saved& own(SavedConcept& saved) { return static_cast<Own&>(saved).saved; }

    explicit Model(L l) : layer(std::move(l)) {}
    std::unique_ptr<Concept> clone() const override { return std::make_unique<Model>(layer); }
    std::unique_ptr<SavedConcept> make_saved() const override { return std::make_unique<Own>(); }
    const void* type() const override { return type_tag<L>; }
    Shape output_shape(const Shape& x) const override { return layer.output_shape(x); }
    void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, SavedConcept* saved) const override {
      layer.forward(pass, x, y, saved == nullptr ? nullptr : &own(*saved));
    }
    void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept& saved, const Tensor<T, D>& dy,
                  Tensor<T, D>* dx, Gradients<T, D>* grads) const override {
      layer.backward(pass, x, y, own(saved), dy, dx, grads);
    }
    void commit(Context<D>& context, SavedConcept& saved) override { layer.commit(context, own(saved)); }
    void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept& saved, const Tensor<T, D>& x_tangent,
                 Tensor<T, D>& y_tangent) const override {
      if constexpr (TwiceDifferentiable<L>)
        layer.tangent(pass, x, y, own(saved), x_tangent, y_tangent);
      else
        throw no_second_order();
    }
    void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, SavedConcept& saved,
                          const Tensor<T, D>& x_tangent, const Tensor<T, D>& delta, Tensor<T, D>* x_bar,
                          Gradients<T, D>* grads) const override {
      if constexpr (TwiceDifferentiable<L>)
        layer.tangent_backward(pass, x, y, own(saved), x_tangent, delta, x_bar, grads);
      else
        throw no_second_order();
    }
    void refresh(Context<D>& context) override { nash::refresh(context, layer); }
    void restore(Context<D>& context) override { nash::restore(context, layer); }
    bool is_curved() const override { return nash::is_curved(layer); }
    bool couples() const override { return nash::couples(layer); }
    bool is_twice_differentiable() const override { return nash::is_twice_differentiable(layer); }
    LayerDescription describe() const override { return layer.describe(); }
    void visit_state(StateVisitor& visitor) override { L::visit_state(layer, visitor); }

    Error no_second_order() const {
      return Error(describe().type(), "this layer has no second-order rule", "use a layer that is twice differentiable, or no penalty on gradients");
    }

    L layer;
  };

  template <class L>
  static constexpr char type_tag[1] = {};

  /// The layer's own saved state, made at the first pass and kept.
  SavedConcept* state_of(Saved& saved) const {
    if (saved.state == nullptr || saved.owner != model_->type()) {
      saved.state = model_->make_saved();
      saved.owner = model_->type();
    }
    return saved.state.get();
  }

  std::unique_ptr<Concept> model_;
};

}  // namespace nash
