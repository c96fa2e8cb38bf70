// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "nash/core/type_name.hpp"
#include "nash/kernels/host.hpp"
#include "nash/nn/state_name.hpp"

namespace nash {

/// The rule of an optimiser: its options as a plain struct, and how one element moves.
///
///     double learning_rate
///     static constexpr int slots                         values that it keeps for each parameter, at first zero
///     rule.update<T>(theta, gradient, slots, t, rate)    the functor that makes update t = 1, 2, … of all elements
///     rule.check()                                       throws ShapeError where an option makes no sense
template <class Rule>
concept OptimizerRule = requires(const Rule& rule, float* theta, const float* gradient, std::array<float*, Rule::slots> slots) {
  { rule.learning_rate } -> std::convertible_to<double>;
  rule.template update<float>(theta, gradient, slots, index_t{1}, 1.0);
  rule.check();
};

/// An optimiser at work on one flat tensor of parameters: a rule, how often it was applied, and what it keeps.
///
/// Which rule it is, is decided at run time; an update is one pass over all parameters.
template <class T, class Device>
class Optimizer {
 public:
  template <OptimizerRule Rule>
  NASH_COLD Optimizer(const Rule& rule, index_t parameters)
      : rule_(std::make_unique<Model<Rule>>(rule)), learning_rate_(rule.learning_rate), parameters_(parameters) {
    rule.check();
    slots_.resize(static_cast<std::size_t>(Rule::slots));
    for (auto& slot : slots_) slot = Tensor<T, Device>::zeros(Shape{parameters});
  }

  /// One update of the parameters against the gradients, with the rule's learning rate times `factor` (see the schedules).
  /// Throws ShapeError where there are not as many of each as the optimiser was made for.
  NASH_COLD void step(Context<Device>& context, Tensor<T, Device>& parameters, const Tensor<T, Device>& gradients,
                      double factor = 1) {
    if (parameters.count() != parameters_ || gradients.count() != parameters_)
      throw ShapeError("Optimizer", concat({parameters_, " parameters and gradients"}), concat({parameters.count(), " and ", gradients.count()}),
                       "make an optimiser for each network");
    if (!(std::isfinite(factor) && factor >= 0))
      throw NumericError("Optimizer", "a finite factor on the learning rate, not below 0", concat({factor}), "correct the schedule");
    rule_->apply(context, parameters, gradients, slots_, ++steps_, factor * learning_rate_);
  }

  /// Makes the count that of before the last step, for one that a device has left out.
  void forget_last_step() { --steps_; }

  double learning_rate() const { return learning_rate_; }
  /// How many updates were made.
  index_t steps() const { return steps_; }
  /// What the rule keeps, such as Adam's moments; together with steps() all that a resumed run needs.
  const std::vector<Tensor<T, Device>>& slots() const { return slots_; }

  /// visitor(name, state) for the rule's name as a text, the number of "steps" and the slots, "0.slot" and so on: for checkpoints.
  template <class Self, class Visitor>
  NASH_COLD static void visit_state(Self& self, Visitor&& visit) {
    const std::string rule = type_name(self.rule_->type());
    visit("rule", rule);
    visit("steps", self.steps_);
    for (std::size_t i = 0; i < self.slots_.size(); ++i) visit(StateName(static_cast<index_t>(i), "slot"), self.slots_[i]);
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual const std::type_info& type() const = 0;
    virtual void apply(Context<Device>&, Tensor<T, Device>& parameters, const Tensor<T, Device>& gradients,
                       std::vector<Tensor<T, Device>>& slots, index_t t, double rate) const = 0;
  };

  template <class Rule>
  struct Model final : Concept {
    explicit Model(const Rule& r) : rule(r) {}
    const std::type_info& type() const override { return typeid(Rule); }
    NASH_COLD void apply(Context<Device>& context, Tensor<T, Device>& parameters, const Tensor<T, Device>& gradients,
                         std::vector<Tensor<T, Device>>& slots, index_t t, double rate) const override {
      std::array<T*, Rule::slots> pointers{};
      for (std::size_t slot = 0; slot < pointers.size(); ++slot) pointers[slot] = slots[slot].data();
      pointwise(context, parameters.count(), rule.template update<T>(parameters.data(), gradients.data(), pointers, t, rate));
    }
    Rule rule;
  };

  std::unique_ptr<Concept> rule_;
  double learning_rate_;
  index_t parameters_;
  index_t steps_ = 0;
  std::vector<Tensor<T, Device>> slots_;
};

/// Throws ShapeError unless a rule's option lies in [low, high).
NASH_COLD inline void require_in_range(double low, double high, double value, std::string_view rule, std::string_view option) {
  if (!(value >= low && value < high))
    throw ShapeError(std::string(rule), concat({option, " from ", low, " to below ", high}), concat({value}), "correct the option");
}

}  // namespace nash
