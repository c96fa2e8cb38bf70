// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/layer_table.hpp"

namespace nash {

/// What a Fusion does where it says nothing else.
struct FusionDefaults {
  static constexpr bool exists = true;
  static constexpr bool goes_forward = false, goes_back = false, has_tangent = false;
  static constexpr bool of_second_order = false, trains_only = false;
};

/// Whether a network runs two neighbours as one layer, and how. Specialised, with FusionDefaults as a base, for pairs that save passes over
/// memory; each function is there where the constant before it is true:
///
///     goes_forward   static void forward(pass, first, second, x, y, first_saved*)
///     goes_back      static void backward(pass, first, second, x, between, y, first_saved, dy, dx*, grads*)
///     has_tangent    static void tangent(pass, first, second, y, ẋ, ẏ)
///
/// where x is the input of the first, `between` its output and y the output of the second. A pair that goes forward does not keep what lies
/// between: there the second's backward and tangent may read their output alone, and it has no saved state. Nor does a pair keep the
/// cotangent and the tangent of what lies between: `of_second_order` says that no second-order rule of the two reads them. `trains_only`
/// says that backward is of training passes alone, and does not read `between`. A pair gives what its layers give one after the other, to
/// rounding.
template <class First, class Second>
struct Fusion {
  static constexpr bool exists = false;
};

/// A layer that applies a function to each element, whose slope can be told from its value.
template <class L>
concept ElementwiseActivation = requires(const L& layer, typename L::Scalar y) {
  { layer.function().value(y) } -> std::convertible_to<typename L::Scalar>;
  { layer.function().slope(y) } -> std::convertible_to<typename L::Scalar>;
};

/// The cotangent of an activation's input, f′·dy, as a function of its output y.
template <class T, class Function>
struct ThroughActivation {
  Function f;
  const T* y;
  const T* dy;
  NASH_HOST_DEVICE T operator()(index_t i) const { return f.slope(y[i]) * dy[i]; }
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.y), visit.reads(self.dy);
  }
};

/// BatchNorm and the activation after it: two passes over memory less, one in each direction.
template <class T, class D, ElementwiseActivation A>
struct Fusion<BatchNorm<T, D>, A> : FusionDefaults {
  static constexpr bool goes_forward = true, goes_back = true, trains_only = true;

  static void forward(const Pass<D>& pass, const BatchNorm<T, D>& norm, const A& activation, const Tensor<T, D>& x, Tensor<T, D>& y,
                      typename BatchNorm<T, D>::Saved* saved) {
    norm.forward_then(pass, x, y, saved, activation.function());
  }
  static void backward(const Pass<D>& pass, const BatchNorm<T, D>& norm, const A& activation, const Tensor<T, D>& x,
                       const Tensor<T, D>&, const Tensor<T, D>& y, typename BatchNorm<T, D>::Saved& saved, const Tensor<T, D>& dy,
                       Tensor<T, D>* dx, Gradients<T, D>* grads) {
    using Function = std::remove_cvref_t<decltype(activation.function())>;
    norm.training_backward(pass, x, saved, ThroughActivation<T, Function>{activation.function(), y.data(), dy.data()}, dx, grads);
  }
};

/// The function of an activation.
template <class A>
using FunctionOf = std::remove_cvref_t<decltype(std::declval<const A&>().function())>;

/// One whose cotangents and tangents go through that slope and nothing else: what is an activation by its function alone may have
/// parameters, and a backward pass of its own.
template <class A>
concept PureActivation = ElementwiseActivation<A> && std::derived_from<A, ActivationLayer<FunctionOf<A>, typename A::Scalar, typename A::Device>>;

/// One of nash's own affine layers.
template <class L>
concept OwnAffineLayer = std::derived_from<L, AffineLayer<L, typename L::Scalar, typename L::Device>> && L::takes_epilogue;

/// One that can apply a function to its results before they leave a near cache: on a device whose kernels take epilogues.
template <class L, class A>
concept AppliesActivation = OwnAffineLayer<L> && TakesEpilogues<typename L::Device, Activate<typename L::Scalar, FunctionOf<A>>>;

/// Dense, Conv2d or ConvTranspose2d and the activation after it: a pass over memory less on the way forward, and for tangents.
template <class L, ElementwiseActivation A>
  requires AppliesActivation<L, A>
struct Fusion<L, A> : FusionDefaults {
  static constexpr bool goes_forward = true, has_tangent = PureActivation<A>, of_second_order = PureActivation<A> && !A::curved;
  using D = typename L::Device;
  using Values = Tensor<typename L::Scalar, D>;

  static void forward(const Pass<D>& pass, const L& layer, const A& activation, const Values& x, Values& y, NoSaved*) {
    layer.forward_then(pass, x, y, activation.function());
  }
  static void tangent(const Pass<D>& pass, const L& layer, const A& activation, const Values& y, const Values& x_tangent, Values& y_tangent) {
    layer.tangent_then(pass, y, x_tangent, y_tangent, activation.function());
  }
};

/// The same where the bias is a pass of its own: the activation is part of it.
template <class L, ElementwiseActivation A>
  requires(OwnAffineLayer<L> && AddsBiasApart<typename L::Device>)
struct Fusion<L, A> : FusionDefaults {
  static constexpr bool goes_forward = true;
  using D = typename L::Device;
  using Values = Tensor<typename L::Scalar, D>;

  static void forward(const Pass<D>& pass, const L& layer, const A& activation, const Values& x, Values& y, NoSaved*) {
    layer.forward_then(pass, x, y, activation.function());
  }
};

/// An activation and the Dense, Conv2d or ConvTranspose2d after it: a pass over memory less on the way back.
template <PureActivation A, class L>
  requires AppliesActivation<L, A>
struct Fusion<A, L> : FusionDefaults {
  static constexpr bool goes_back = true, of_second_order = !A::curved;
  using D = typename L::Device;
  using Values = Tensor<typename L::Scalar, D>;

  static void backward(const Pass<D>& pass, const A& activation, const L& layer, const Values&, const Values& between, const Values&, NoSaved&,
                       const Values& dy, Values* dx, Gradients<typename L::Scalar, D>* grads) {
    layer.backward_through(pass, between, dy, dx, grads, activation.function());
  }
};

/// The entries of a pair's table.
template <class First, class Second>
struct FusionFunctions {
  using T = typename First::Scalar;
  using D = typename First::Device;
  using Values = Tensor<T, D>;
  using Saved = typename First::Saved;

  static void forward(const void* first, const void* second, const Pass<D>& pass, const Values& x, Values& y, void* saved) {
    Fusion<First, Second>::forward(pass, *static_cast<const First*>(first), *static_cast<const Second*>(second), x, y,
                                   static_cast<Saved*>(saved));
  }
  static void backward(const void* first, const void* second, const Pass<D>& pass, const Values& x, const Values& between, const Values& y,
                       void* saved, const Values& dy, Values* dx, Gradients<T, D>* grads) {
    Fusion<First, Second>::backward(pass, *static_cast<const First*>(first), *static_cast<const Second*>(second), x, between, y,
                                    *static_cast<Saved*>(saved), dy, dx, grads);
  }
  static void tangent(const void* first, const void* second, const Pass<D>& pass, const Values& y, const Values& x_tangent, Values& y_tangent) {
    Fusion<First, Second>::tangent(pass, *static_cast<const First*>(first), *static_cast<const Second*>(second), y, x_tangent, y_tangent);
  }

  static constexpr FusionTable<T, D> table() {
    using Pair = Fusion<First, Second>;
    FusionTable<T, D> table{.of_second_order = Pair::of_second_order, .trains_only = Pair::trains_only};
    if constexpr (Pair::goes_forward) table.forward = forward;
    if constexpr (Pair::goes_back) table.backward = backward;
    if constexpr (Pair::has_tangent) table.tangent = tangent;
    return table;
  }
};

template <class First, class Second>
inline constexpr FusionTable<typename First::Scalar, typename First::Device> fusion_functions = FusionFunctions<First, Second>::table();

/// The table of a pair's Fusion; null where it has none.
template <class First, class Second>
constexpr const FusionTable<typename First::Scalar, typename First::Device>* fusion_table() {
  if constexpr (Fusion<First, Second>::exists)
    return &fusion_functions<First, Second>;
  else
    return nullptr;
}

}  // namespace nash
