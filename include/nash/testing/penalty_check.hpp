// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/separate_samples.hpp"
#include "nash/testing/subject.hpp"

namespace nash::testing {

/// Checks a critic N×… → N×1 as gradient penalties use it. With gₙ = ∇ₓD(xₙ) and P = ½ Σₙ (‖gₙ‖ − target)², the gradient of
/// P by every parameter, got in one run of forward, backward to x, tangent along v = ∂P/∂g and tangent_backward, agrees with
/// central differences of P itself, and with (∇_θD(x + h·v) − ∇_θD(x − h·v)) / 2h.
template <Layer L>
CheckReport penalty_check(const L& critic, const Shape& input_shape, double target, const CheckOptions& options = {}) {
  using Values = typename Subject<L>::Values;
  require_separate_samples(critic, "penalty_check", "a critic", "the check");
  Subject<L> subject(critic, input_shape, options);
  CheckReport report;
  L& own = subject.layer;
  const index_t samples = input_shape[0], size = input_shape.count_per_sample();
  const Values ones(subject.y_shape, std::vector<double>(static_cast<std::size_t>(subject.y_shape.count()), 1.0));
  typename L::Saved saved;
  Values y, dx;

  // P, and v in `direction`, at the parameters as they are.
  std::vector<double> direction;
  const auto penalty = [&] {
    const auto pass = subject.pass(true);
    own.forward(pass, subject.x, y, &saved);
    own.backward(pass, subject.x, y, saved, ones, &dx, nullptr);
    direction = dx.to_host();
    double total = 0;
    for (index_t n = 0; n < samples; ++n) {
      const auto gradient = std::span(direction).subspan(static_cast<std::size_t>(n * size), static_cast<std::size_t>(size));
      const double norm = std::sqrt(inner_product(gradient, gradient));
      total += 0.5 * (norm - target) * (norm - target);
      for (double& value : gradient) value *= 1 - target / norm;
    }
    return total;
  };

  penalty();
  const Values v(input_shape, direction);
  Values flat = Values::zeros(Shape{subject.parameter_count()}), y_tangent;
  Gradients<double, typename L::Device> gradients(flat);
  own.tangent(subject.pass(true), subject.x, y, saved, v, y_tangent);
  own.tangent_backward(subject.pass(true), subject.x, y, saved, v, ones, nullptr, &gradients);
  const std::vector<double> analytic = flat.to_host();

  const auto by_parameters = [&](const std::vector<double>& values) { return subject.set_parameters(values), penalty(); };
  compare_parameters(subject, "penalty's grads of", analytic, by_parameters, report);

  const std::vector<double> x = subject.x.to_host(), along = v.to_host();
  const auto gradients_at = [&](double distance) {
    std::vector<double> moved = x;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += distance * along[i];
    subject.set_input(moved);
    Values first_order = Values::zeros(Shape{subject.parameter_count()});
    Gradients<double, typename L::Device> target_gradients(first_order);
    own.forward(subject.pass(), subject.x, y, &saved);
    own.backward(subject.pass(), subject.x, y, saved, ones, nullptr, &target_gradients);
    return first_order.to_host();
  };
  const std::vector<double> far_below = gradients_at(-options.step), below = gradients_at(-options.step / 2), here = gradients_at(0),
                            above = gradients_at(options.step / 2), far_above = gradients_at(options.step);
  for (const auto& part : subject.parts) {
    const double least = least_scale(std::span(analytic).subspan(part.first, part.count));
    for (std::size_t k = 0; k < part.count; ++k) {
      const std::size_t i = part.first + k;
      compare_with_difference(concat({"derivative along v of the grads of '", part.name, "'"}), k, analytic[i], least,
                              [&] { return Stencil{far_below[i], below[i], here[i], above[i], far_above[i]}; }, options, report);
    }
  }
  return report.finish(options);
}

}  // namespace nash::testing
