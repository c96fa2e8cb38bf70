// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/parameter.hpp"
#include "nash/nn/state_name.hpp"

namespace nash {

/// What visits the state of layers whose types are not known.
template <class T, class D>
class StateVisitor {
 public:
  virtual void operator()(const StateName& name, Parameter<T, D>& parameter) = 0;
  virtual void operator()(const StateName& name, Buffer<T, D>& buffer) = 0;

 protected:
  ~StateVisitor() = default;
};

/// A visitor of any type behind a StateVisitor. It alone learns whether the network is const.
template <class T, class D, bool is_const, class Visitor>
class AnyStateVisitor final : public StateVisitor<T, D> {
 public:
  explicit AnyStateVisitor(Visitor& visitor) : visitor_(visitor) {}

  void operator()(const StateName& name, Parameter<T, D>& parameter) override { visitor_(name, static_cast<As<Parameter<T, D>>&>(parameter)); }
  void operator()(const StateName& name, Buffer<T, D>& buffer) override { visitor_(name, static_cast<As<Buffer<T, D>>&>(buffer)); }

 private:
  template <class State>
  using As = std::conditional_t<is_const, const State, State>;

  Visitor& visitor_;
};

/// Puts the number of a layer before the names of its state.
template <class T, class D>
class NumberedStateVisitor final : public StateVisitor<T, D> {
 public:
  NumberedStateVisitor(index_t layer, StateVisitor<T, D>& visitor) : layer_(layer), visitor_(visitor) {}

  void operator()(const StateName& name, Parameter<T, D>& parameter) override { visitor_(StateName(layer_, name), parameter); }
  void operator()(const StateName& name, Buffer<T, D>& buffer) override { visitor_(StateName(layer_, name), buffer); }

 private:
  index_t layer_;
  StateVisitor<T, D>& visitor_;
};

}  // namespace nash
