// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/state_name.hpp"
#include "nash/tensor/tensor.hpp"
#include "nash/train/probability.hpp"

namespace nash {

/// What visits what methods carry from step to step, where their types are not known.
template <class T, class Device>
class MethodStateVisitor {
 public:
  /// Numbers in double in a device's memory, which are another type than the networks' tensors unless these are in double.
  struct None {};
  using Numbers = std::conditional_t<std::is_same_v<T, double>, None, Tensor<double, Device>>;

  virtual void operator()(const StateName& name, Numbers& state) = 0;
  virtual void operator()(const StateName& name, Tensor<T, Device>& state) = 0;
  virtual void operator()(const StateName& name, double& state) = 0;
  virtual void operator()(const StateName& name, index_t& state) = 0;
  virtual void operator()(const StateName& name, Probability& state) = 0;

 protected:
  ~MethodStateVisitor() = default;
};

/// A visitor of any type behind a MethodStateVisitor. It alone learns whether the methods are const.
template <class T, class Device, bool is_const, class Visitor>
class AnyMethodStateVisitor final : public MethodStateVisitor<T, Device> {
 public:
  using typename MethodStateVisitor<T, Device>::Numbers;

  explicit AnyMethodStateVisitor(Visitor& visitor) : visitor_(visitor) {}

  void operator()(const StateName& name, Numbers& state) override {
    if constexpr (!std::is_same_v<T, double>) visit(name, state);
  }
  void operator()(const StateName& name, Tensor<T, Device>& state) override { visit(name, state); }
  void operator()(const StateName& name, double& state) override { visit(name, state); }
  void operator()(const StateName& name, index_t& state) override { visit(name, state); }
  void operator()(const StateName& name, Probability& state) override { visit(name, state); }

 private:
  template <class State>
  void visit(const StateName& name, State& state) {
    visitor_(name, static_cast<std::conditional_t<is_const, const State, State>&>(state));
  }

  Visitor& visitor_;
};

}  // namespace nash
