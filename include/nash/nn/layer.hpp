// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nash/kernels/host.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/labels.hpp"
#include "nash/nn/parameter.hpp"
#include "nash/nn/state_name.hpp"

namespace nash {

/// Whether layers use the statistics of the batch and drop units, or the running statistics and keep all.
enum class Mode { train, infer };

/// What one pass through a network is given besides its operands. A value; backward and tangent get the one that forward got.
template <class Device>
struct Pass {
  Context<Device>& context;
  Mode mode = Mode::infer;
  RandomStream random{};        ///< passes with equal streams draw equal dropout masks
  bool second_order = false;    ///< keep what tangent_backward needs: no layer runs in place, composites keep every δ and ẋ that a second-order rule reads
  bool fused = true;            ///< run neighbours as one where there is a Fusion of them for the pass's order
  LabelView labels{};           ///< the class of each sample, for layers that depend on it

  /// The pass as child i of a composite gets it.
  Pass child(index_t i) const {
    Pass other = *this;
    other.random = random.child(static_cast<std::uint64_t>(i));
    return other;
  }
  Pass first_order() const {
    Pass other = *this;
    other.second_order = false;
    return other;
  }
};

/// Which of forward's operands a layer's backward and tangent passes read.
struct Reads {
  bool input = true, output = true;
};

struct NoSaved {};

/// A visitor of state that does nothing. A lambda in its place, in the concept below, is not understood by nvcc.
struct IgnoreState {
  void operator()(const StateName&, auto&) const {}
};

/// The layer contract. x: input, y: output, `saved`: what a layer needs beyond them; d…: cotangents, ẋ and ẏ: tangents.
///
///     layer.output_shape(shape)                        the shape of y; throws ShapeError where x would not fit
///     layer.forward(pass, x, y, saved*)                y := f(x), resized in place; a null saved keeps nothing
///     layer.backward(pass, x, y, saved, dy, dx*, grads*)
///                                                      dx := ∇ₓ⟨dy, f(x)⟩,  grads += ∇_θ⟨dy, f(x)⟩; a null skips that half
///     layer.commit(context, saved)                     the only place where running statistics move
///     L::visit_state(layer, visitor)                   visitor(StateName, Parameter or Buffer) for each, in a fixed order
///
/// All but commit are const: a network may be in several passes at once, each with its own saved state.
///
/// Static traits: `reads`; `runs_in_place` (forward allows y to be x itself); `couples_samples` (a sample's output depends
/// on the others in the batch); `curved` (f is not piecewise linear in x); `penalised_although_coupled` (penalties on each sample's
/// gradient are allowed although samples are coupled; a layer that says so says why).
///
/// A layer that is the reason why such penalties are refused may say what to use in its place: in `instead`, for networks that are put
/// together at run time, and by a static_assert of its own in `Penalised<true>`, which is asked for in others. See batch_norm.hpp.
template <class L>
concept Layer = requires(const L& layer, L& own, const Pass<typename L::Device>& pass, const Tensor<typename L::Scalar, typename L::Device>& x,
                         Tensor<typename L::Scalar, typename L::Device>& y, typename L::Saved& saved,
                         Gradients<typename L::Scalar, typename L::Device>* grads, const Shape& shape) {
  { layer.output_shape(shape) } -> std::same_as<Shape>;
  layer.forward(pass, x, y, &saved);
  layer.backward(pass, x, y, saved, x, &y, grads);
  own.commit(pass.context, saved);
  L::visit_state(own, IgnoreState{});
  { layer.describe() } -> std::same_as<LayerDescription>;
  { L::reads } -> std::convertible_to<Reads>;
  { L::runs_in_place && L::couples_samples && L::curved } -> std::convertible_to<bool>;
};

/// A layer that has the second order too:
///
///     layer.tangent(pass, x, y, saved, ẋ, ẏ)                            ẏ := J·ẋ
///     layer.tangent_backward(pass, x, y, saved, ẋ, δ, x̄*, grads*)       x̄ += ∂ₓ⟨δ, J·ẋ⟩,  grads += ∂_θ⟨δ, J·ẋ⟩
///
/// requires  before tangent_backward: forward, backward with cotangent δ, and tangent with ẋ, all with the same saved state
///           and with pass.second_order
template <class L>
concept TwiceDifferentiable =
    Layer<L> && requires(const L& layer, const Pass<typename L::Device>& pass, const Tensor<typename L::Scalar, typename L::Device>& x,
                         Tensor<typename L::Scalar, typename L::Device>& y, typename L::Saved& saved,
                         Gradients<typename L::Scalar, typename L::Device>* grads) {
      layer.tangent(pass, x, y, saved, x, y);
      layer.tangent_backward(pass, x, y, saved, x, x, &y, grads);
    };

/// A layer whose output for one sample depends on the other samples of the batch.
template <class L>
concept CouplesSamples = Layer<L> && L::couples_samples;

/// A layer that couples samples in such a way that a penalty on the gradient of each makes no sense.
template <class L>
concept RefusesPenalties = CouplesSamples<L> && !requires { requires L::penalised_although_coupled; };

/// A layer that refuses penalties in its own words.
template <class L>
concept SaysWhatToUseInstead = requires {
  L::instead;
  typename L::template Penalised<false>;
};

/// Of the classes that two parts know which get the same labels, those that both do. 0: takes no notice of labels.
inline index_t fewer_classes(index_t a, index_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

/// The traits as values, since those of some layers are known at run time only.
struct LayerTraits {
  bool curved = false, couples_samples = false, refuses_penalties = false, twice_differentiable = true;
  index_t classes = 0;         ///< that it knows: a pass needs labels below that
  bool plain_weights = false;  ///< has weight matrices that are not normalised by a SpectralNorm

  /// Those of two layers in one network.
  LayerTraits with(const LayerTraits& other) const {
    return {curved || other.curved, couples_samples || other.couples_samples, refuses_penalties || other.refuses_penalties,
            twice_differentiable && other.twice_differentiable, fewer_classes(classes, other.classes), plain_weights || other.plain_weights};
  }
};

/// A layer that can have weight matrices, and lists them in a static weights(layer), an array of NamedWeight: for SpectralNorm.
template <class L>
concept Weighted = Layer<L> && requires(L& layer) { L::weights(layer); };

/// Whether it has any: a ConditionalConcat of indicators has not.
template <class L>
bool has_weights(const L& layer) {
  if constexpr (Weighted<L>) {
    const auto weights = L::weights(layer);
    return std::any_of(weights.begin(), weights.end(), [](const auto& weight) { return weight.parameter->present(); });
  } else {
    return false;
  }
}

/// A composite has traits(), another layer at most classes().
template <class L>
LayerTraits traits_of(const L& layer) {
  if constexpr (requires { layer.traits(); }) {
    return layer.traits();
  } else {
    LayerTraits traits{L::curved, L::couples_samples, RefusesPenalties<L>, TwiceDifferentiable<L>};
    if constexpr (requires { layer.classes(); }) traits.classes = layer.classes();
    traits.plain_weights = has_weights(layer);
    return traits;
  }
}

/// A kind of layer that stands in the way of a penalty, and what to use in its place; empty where nothing is known.
struct LayerInTheWay {
  std::string type, instead;
  bool operator==(const LayerInTheWay&) const = default;
};
/// Those of a network, each kind once.
struct LayersInTheWay {
  std::vector<LayerInTheWay> refusing;     ///< that couple the samples of a batch
  std::vector<LayerInTheWay> first_order;  ///< that are not twice differentiable

  NASH_COLD static void add(std::vector<LayerInTheWay>& layers, LayerInTheWay layer) {
    if (std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(std::move(layer));
  }
};

/// A composite has find_in_the_way(found), which goes on to its parts; one that has not is to blame itself.
template <class L>
NASH_COLD void find_in_the_way(const L& layer, LayersInTheWay& found) {
  if constexpr (requires { layer.find_in_the_way(found); }) {
    layer.find_in_the_way(found);
  } else {
    const LayerTraits traits = traits_of(layer);
    LayerInTheWay in_the_way{layer.describe().type(), ""};
    if (!traits.twice_differentiable) found.add(found.first_order, in_the_way);
    if constexpr (SaysWhatToUseInstead<L>) in_the_way.instead = L::instead;
    if (traits.refuses_penalties) found.add(found.refusing, in_the_way);
  }
}

/// What most layers have in common: no state, no memory, one sample at a time.
template <class T, class D>
struct LayerDefaults {
  using Scalar = T;
  using Device = D;
  using Saved = NoSaved;

  static constexpr Reads reads{.input = true, .output = false};
  static constexpr bool runs_in_place = false;
  static constexpr bool couples_samples = false;
  static constexpr bool penalised_although_coupled = false;
  static constexpr bool curved = false;

  template <class S>
  void commit(Context<D>&, const S&) {}

  template <class Self, class Visitor>
  static void visit_state(Self&, Visitor&&) {}
};

/// Throws ShapeError unless a size that a layer is built with is at least `least`.
NASH_COLD inline void require_at_least(index_t least, index_t value, std::string_view layer, std::string_view what) {
  if (value < least)
    throw ShapeError(std::string(layer), concat({what, " of at least ", least}), concat({value}), "check the layer's arguments");
  if (constexpr index_t most = std::numeric_limits<std::int32_t>::max(); value > most)
    throw ShapeError(std::string(layer), concat({what, " of at most ", most}), concat({value}), "check the layer's arguments");
}

/// Throws ShapeError unless what a normalisation adds to variances is above 0 and finite.
NASH_COLD inline void require_epsilon(double value, std::string_view layer, std::string_view usual = "1e-5") {
  if (!(value > 0 && std::isfinite(value))) throw ShapeError(std::string(layer), "a positive, finite epsilon", concat({value}), concat({"use ", usual}));
}

template <class State>
inline constexpr bool is_parameter = false;
template <class T, class Device>
inline constexpr bool is_parameter<Parameter<T, Device>> = true;

/// Leaves the parameters to f.
template <class Function>
struct ParameterVisitor {
  Function& f;
  template <class State>
  void operator()(const StateName& name, State& state) const {
    if constexpr (is_parameter<std::remove_const_t<State>>) f(name, state);
  }
};

/// Calls f(name, parameter) for every trained parameter, in order: "0.weight", "0.bias", "3.weight", …
template <class L, class Function>
void for_each_parameter(L& layer, Function&& f) {
  std::remove_const_t<L>::visit_state(layer, ParameterVisitor<std::remove_reference_t<Function>>{f});
}

/// Calls f(name, buffer) for every tensor of state that is not trained, such as "2.running_mean".
template <class L, class Function>
void for_each_buffer(L& layer, Function&& f) {
  std::remove_const_t<L>::visit_state(layer, [&](const StateName& name, auto& state) {
    if constexpr (!is_parameter<std::remove_cvref_t<decltype(state)>>) f(name, state);
  });
}

// The visitors below are no lambdas of the functions that use them, so that they are compiled once and not for each network.

struct CountParameters {
  index_t count = 0;
  void operator()(const StateName&, const auto& parameter) { count += parameter.count(); }
};

/// How many numbers a layer trains.
template <class L>
index_t count_parameters(const L& layer) {
  CountParameters visitor;
  for_each_parameter(layer, visitor);
  return visitor.count;
}

/// Brings what a layer derives from its parameters, such as a spectral norm, up to date: after they were initialised or updated.
template <class L, class Device>
void refresh(Context<Device>& context, L& layer) {
  if constexpr (requires { layer.refresh(context); }) layer.refresh(context);
}

/// The same after the whole state was loaded or copied: recomputes, but moves no state.
template <class L, class Device>
void restore(Context<Device>& context, L& layer) {
  if constexpr (requires { layer.restore(context); }) layer.restore(context);
}

template <class Device>
struct InitialiseState {
  Context<Device>& context;
  RandomStream random;
  std::uint64_t index = 0;
  void operator()(const StateName&, auto& state) { state.initialise(context, random.child(index++)); }
};

/// Draws the initial state of a layer. Equal streams give equal networks.
template <class L, class Device>
void initialise(Context<Device>& context, L& layer, RandomStream random) {
  constexpr int refreshes = 15;  // a power iteration that begins with a random vector needs some

  L::visit_state(layer, InitialiseState<Device>{context, random});
  for (int i = 0; i < refreshes; ++i) refresh(context, layer);
}

/// The state of one network in another of the same structure, possibly of another scalar type or on another device.
template <class From, class To>
void copy_state(const From& from, To& to) {
  std::vector<std::vector<typename From::Scalar>> values;
  From::visit_state(from, [&](const StateName&, const auto& state) { values.push_back(state.value().to_host()); });
  std::size_t next = 0;
  To::visit_state(to, [&](const StateName& name, auto& state) {
    if (next >= values.size() || static_cast<index_t>(values[next].size()) != state.value().count())
      throw ShapeError("copy_state", concat({"'", name.text(), "' does not fit"}), "copy between networks of the same structure");
    const auto& source = values[next++];
    state.value().assign_from_host(std::vector<typename To::Scalar>(source.begin(), source.end()));
  });
  if (next < values.size())
    throw ShapeError("copy_state", concat({next, " tensors of state"}), concat({values.size()}), "copy between networks of the same structure");
}

/// Binds each parameter to the next part of a flat tensor.
template <class T>
struct BindParameters {
  T* flat;
  index_t offset = 0;
  void operator()(const StateName&, auto& parameter) {
    parameter.bind(flat, offset);
    offset += parameter.count();
  }
};

/// One flat tensor that holds all parameters of a layer; the layer's own parameters become views of it.
///
/// The layer may be moved while bound, since the memory stays; a copy of it is not bound.
template <class T, class Device>
class FlatParameters {
 public:
  FlatParameters() = default;
  template <class L>
  explicit FlatParameters(L& layer) : memory_(Shape{count_parameters(layer)}) {
    Tensor<T, Device> view = Tensor<T, Device>::borrow(memory_.data(), memory_.count(), memory_.shape());
    values_.swap(view);
    for_each_parameter(layer, BindParameters<T>{memory_.data()});
  }
  FlatParameters(FlatParameters&& other) noexcept = default;
  FlatParameters& operator=(FlatParameters&& other) noexcept {
    memory_.swap(other.memory_);
    values_.swap(other.values_);
    return *this;
  }

  Tensor<T, Device>& values() { return values_; }
  const Tensor<T, Device>& values() const { return values_; }

 private:
  Tensor<T, Device> memory_;
  Tensor<T, Device> values_;  // borrowed, so that what is assigned to it is copied to where the layers look
};

}  // namespace nash
