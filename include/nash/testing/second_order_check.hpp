// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/testing/subject.hpp"

namespace nash::testing {

/// Checks a layer's second order: with S = ⟨δ, J·ẋ⟩, what tangent_backward adds to x̄ and to the gradients agrees with
/// central differences of S by the input and by every parameter; null operands skip their half; no state moves.
template <TwiceDifferentiable L>
CheckReport second_order_check(const L& layer, const Shape& input_shape, const CheckOptions& options = {}) {
  using Values = typename Subject<L>::Values;
  Subject<L> subject(layer, input_shape, options);
  CheckReport report;
  L& own = subject.layer;
  const auto pass = subject.pass(true);
  const std::vector<double> state = subject.state();
  const Values x_tangent = subject.random_tensor(input_shape, 8), delta = subject.random_tensor(subject.y_shape, 6);
  const std::vector<double> delta_values = delta.to_host(), x_bar_before = normal_values(subject.stream(9), input_shape.count()),
                            gradients_before = normal_values(subject.stream(7), subject.parameter_count());

  typename L::Saved saved;
  Values y, dx, y_tangent;
  const auto second_order = [&](bool want_x_bar, bool want_gradients, bool want_dx) {
    saved = {};
    own.forward(pass, subject.x, y, &saved);
    own.backward(pass, subject.x, y, saved, delta, want_dx ? &dx : nullptr, nullptr);
    own.tangent(pass, subject.x, y, saved, x_tangent, y_tangent);
    Values x_bar(input_shape, x_bar_before), flat(Shape{subject.parameter_count()}, gradients_before);
    Gradients<double, typename L::Device> gradients(flat);
    own.tangent_backward(pass, subject.x, y, saved, x_tangent, delta, want_x_bar ? &x_bar : nullptr, want_gradients ? &gradients : nullptr);
    return std::pair{x_bar.to_host(), flat.to_host()};
  };
  const auto [x_bar, gradients] = second_order(true, true, true);
  report.require(same_bits(second_order(true, false, true).first, x_bar), "tangent_backward gives another x_bar where gradients are null");
  report.require(same_bits(second_order(false, true, true).second, gradients), "tangent_backward gives other gradients where x_bar is null");
  report.require(same_bits(second_order(false, true, false).second, gradients), "tangent_backward gives other gradients where backward had no dx");
  report.require(same_bits(second_order(false, false, true).second, gradients_before), "tangent_backward with nothing wanted changes gradients");
  report.require(same_bits(subject.state(), state), "a pass moves the layer's state");

  const auto value = [&] {
    own.forward(pass, subject.x, y, &saved);
    own.tangent(pass, subject.x, y, saved, x_tangent, y_tangent);
    return inner_product(delta_values, y_tangent.to_host());
  };
  const auto by_input = [&](const std::vector<double>& values) { return subject.set_input(values), value(); };
  const auto by_parameters = [&](const std::vector<double>& values) { return subject.set_parameters(values), value(); };
  compare_input(subject, "x_bar", less(x_bar, x_bar_before), by_input, report);
  compare_parameters(subject, "second-order grads of", less(gradients, gradients_before), by_parameters, report);
  return report.finish(options);
}

}  // namespace nash::testing
