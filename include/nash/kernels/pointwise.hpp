// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// Maps, specialised per device:
///
///     static void for_each(Context<Device>&, index_t count, const Function& f);                       f(i)
///     static void for_each_in_rows(Context<Device>&, index_t rows, index_t columns, const Function& f);  f(i, column)
///
/// calls f once for every i in [0, count) or [0, rows·columns), in no order; column = i mod columns.
///
/// requires  f is a named struct whose call operator is const and NASH_HOST_DEVICE, and writes only elements of its own i;
///           operands may be the very same array, but not overlap otherwise
///
/// A device whose products and convolutions take an epilogue, a map of their results before these leave a near cache, also has
///
///     static auto map(const Function& f);                                 the map, to be kept while it is used
///     static auto epilogue(Context<Device>&, T* y, const Map& map);       what the kernels take; f's i is a position within y
///
/// A functor that calls log, exp or the like, or whose arrays are short, gains nothing from vector instructions; with
/// `static constexpr bool scalar_work = true` it takes half the time to compile.
///
/// A functor that depends on i through its operands alone may name them, so that a GPU can read and write 16 bytes at a time:
///
///     using Element = T;
///     visit_operands(self, visit)      visit.reads(self.x), visit.writes(self.y), visit.updates(self.y) where it is read as well;
///                                      visit.reads_column(self.scale) for what is taken at the column
template <class Device>
struct PointwiseKernels : NoKernels<Device> {};

template <class Device, class Function>
concept TakesEpilogues = requires(const Function& f) { PointwiseKernels<Device>::map(f); };

/// A device whose products leave their bias to a pass of its own, which may as well apply a function.
template <class Device>
concept AddsBiasApart = requires { requires PointwiseKernels<Device>::adds_bias_apart; };

/// y := value
template <class T>
struct Fill {
  T* y;
  T value;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = value; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.writes(self.y);
  }
};

/// y := x
template <class T>
struct Copy {
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = x[i]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.writes(self.y);
  }
};

/// y += x
template <class T>
struct Accumulate {
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] += x[i]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.updates(self.y);
  }
};

/// y := a·x
template <class T>
struct Scale {
  const T* x;
  T a;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = a * x[i]; }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.writes(self.y);
  }
};

/// The functor for every element: pointwise(context, count, Fill<T>{y, 0}).
template <class Device, class Function>
void pointwise(Context<Device>& context, index_t count, const Function& f) {
  PointwiseKernels<Device>::for_each(context, count, f);
}

/// The functor for every element of a matrix, told its column as well.
template <class Device, class Function>
void pointwise_in_rows(Context<Device>& context, index_t rows, index_t columns, const Function& f) {
  PointwiseKernels<Device>::for_each_in_rows(context, rows, columns, f);
}

}  // namespace nash
