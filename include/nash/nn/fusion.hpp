// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/affine.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/layer_table.hpp"

namespace nash {

/// Whether a network runs two neighbours as one layer, and how. Specialised for pairs that save passes over memory:
///
///     static constexpr bool exists = true, goes_back = true
///     static void forward(pass, first, second, x, y, first_saved*)
///     static void backward(pass, first, second, x, y, first_saved, dy, dx*, grads*)      of training passes; not where goes_back is
///                                                                                        false: they go back one by one
///
/// where x is the input of the first and y the output of the second; what lies between is not kept, so the second's backward
/// may read its output alone, and has no saved state. A pair gives what its layers give one after the other, to rounding.
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
struct Fusion<BatchNorm<T, D>, A> {
  static constexpr bool exists = true, goes_back = true;

  static void forward(const Pass<D>& pass, const BatchNorm<T, D>& norm, const A& activation, const Tensor<T, D>& x, Tensor<T, D>& y,
                      typename BatchNorm<T, D>::Saved* saved) {
    norm.forward_then(pass, x, y, saved, activation.function());
  }
  static void backward(const Pass<D>& pass, const BatchNorm<T, D>& norm, const A& activation, const Tensor<T, D>& x,
                       const Tensor<T, D>& y, typename BatchNorm<T, D>::Saved& saved, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                       Gradients<T, D>* grads) {
    using Function = std::remove_cvref_t<decltype(activation.function())>;
    norm.training_backward(pass, x, saved, ThroughActivation<T, Function>{activation.function(), y.data(), dy.data()}, dx, grads);
  }
};

/// The function of an activation.
template <class A>
using FunctionOf = std::remove_cvref_t<decltype(std::declval<const A&>().function())>;

/// A layer that can apply a function to its results before they leave a near cache: one of nash's own affine layers, on a device
/// whose kernels take epilogues.
template <class L, class A>
concept AppliesActivation = TakesEpilogues<typename L::Device, Activate<typename L::Scalar, FunctionOf<A>>> &&
                            std::derived_from<L, AffineLayer<L, typename L::Scalar, typename L::Device>> && L::takes_epilogue;

/// Dense, Conv2d or ConvTranspose2d and the activation after it: a pass over memory less on the way forward.
template <class L, ElementwiseActivation A>
  requires AppliesActivation<L, A>
struct Fusion<L, A> {
  static constexpr bool exists = true, goes_back = false;

  static void forward(const Pass<typename L::Device>& pass, const L& layer, const A& activation, const Tensor<typename L::Scalar, typename L::Device>& x,
                      Tensor<typename L::Scalar, typename L::Device>& y, NoSaved*) {
    layer.forward_then(pass, x, y, activation.function());
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
  static void backward(const void* first, const void* second, const Pass<D>& pass, const Values& x, const Values& y, void* saved,
                       const Values& dy, Values* dx, Gradients<T, D>* grads) {
    Fusion<First, Second>::backward(pass, *static_cast<const First*>(first), *static_cast<const Second*>(second), x, y,
                                    *static_cast<Saved*>(saved), dy, dx, grads);
  }

  static constexpr FusionTable<T, D> table() {
    if constexpr (Fusion<First, Second>::goes_back)
      return {.forward = forward, .backward = backward};
    else
      return {.forward = forward, .backward = nullptr};
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
