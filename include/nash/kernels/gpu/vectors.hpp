// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "nash/kernels/gpu/divisor.hpp"
#include "nash/kernels/gpu/launch.hpp"

namespace nash {
namespace gpu {

/// What a thread of a GPU reads or writes at once: four floats or two doubles, that is 16 bytes, or one.
template <class T, int count = 16 / sizeof(T)>
struct alignas(sizeof(T) * count) Vector {
  static constexpr int lanes = count;
  T values[lanes];

  NASH_HOST_DEVICE static Vector load(const T* from) { return *reinterpret_cast<const Vector*>(from); }
  NASH_HOST_DEVICE void store(T* to) const { *reinterpret_cast<Vector*>(to) = *this; }
};

/// Functors that name their operands: see kernels/pointwise.hpp.
template <class Function>
concept NamesOperands = requires { typename Function::Element; } && (sizeof(typename Function::Element) == 4 || sizeof(typename Function::Element) == 8);

constexpr int most_operands = 12;  // of a functor: normalisation's gradient, with an activation in it, has 9

/// Whether a functor's operands all begin at a multiple of 16 bytes, and are not too many.
class OperandsAligned {
 public:
  template <class T>
  NASH_HOST_DEVICE void reads(const T* const& operand) { see(operand); }
  template <class T>
  NASH_HOST_DEVICE void writes(T* const& operand) { see(operand); }
  template <class T>
  NASH_HOST_DEVICE void updates(T* const& operand) { see(operand); }
  template <class T>
  NASH_HOST_DEVICE void reads_column(const T* const& operand) { see(operand); }

  template <class Function>
  static bool of(const Function& f) {
    OperandsAligned all;
    Function::visit_operands(f, all);
    return all.bits_ % 16 == 0 && all.count_ <= most_operands;
  }

 private:
  NASH_HOST_DEVICE void see(const void* operand) {
    bits_ |= reinterpret_cast<std::uintptr_t>(operand);
    ++count_;
  }
  std::uintptr_t bits_ = 0;
  int count_ = 0;
};

/// A functor's operands of some neighbours, in registers: the functor is pointed to them, applied to each, and what it has written goes
/// to memory.
template <class Function>
class OperandsInRegisters {
  using T = typename Function::Element;

 public:
  static constexpr int lanes = Vector<T>::lanes;

  NASH_HOST_DEVICE OperandsInRegisters(index_t first, index_t column) : first_(first), column_(column) {}

  /// f(i, …) for the neighbours from `first` on: apply(own, j) calls the functor for the j-th.
  template <class Apply>
  NASH_HOST_DEVICE void run(const Function& f, const Apply& apply) {
    Function own = f;
    Load load{*this, 0};
    Function::visit_operands(own, load);
    for (int j = 0; j < lanes; ++j) apply(own, j);
    Store store{*this, 0};
    Function::visit_operands(f, store);
  }

 private:
  struct Load {
    OperandsInRegisters& registers;
    int next;
    NASH_HOST_DEVICE void take(const T* from, index_t at, const T*& operand) {
      registers.vectors_[next] = Vector<T>::load(from + at);
      operand = registers.vectors_[next++].values;
    }
    NASH_HOST_DEVICE void reads(const T*& operand) { take(operand, registers.first_, operand); }
    NASH_HOST_DEVICE void reads_column(const T*& operand) { take(operand, registers.column_, operand); }
    NASH_HOST_DEVICE void writes(T*& operand) { operand = registers.vectors_[next++].values; }
    NASH_HOST_DEVICE void updates(T*& operand) {
      registers.vectors_[next] = Vector<T>::load(operand + registers.first_);
      operand = registers.vectors_[next++].values;
    }
  };
  struct Store {
    OperandsInRegisters& registers;
    int next;
    NASH_HOST_DEVICE void reads(const T* const&) { ++next; }
    NASH_HOST_DEVICE void reads_column(const T* const&) { ++next; }
    NASH_HOST_DEVICE void writes(T* const& operand) { registers.vectors_[next++].store(operand + registers.first_); }
    NASH_HOST_DEVICE void updates(T* const& operand) { registers.vectors_[next++].store(operand + registers.first_); }
  };

  index_t first_, column_;
  Vector<T> vectors_[most_operands];
};

}  // namespace gpu
}  // namespace nash
