// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/testing/subject.hpp"

namespace nash::testing {

/// Checks a layer in double against its contract:
///
///   - dx and the gradient of every parameter agree with central differences of ⟨dy, f(x)⟩;
///   - dx is assigned and gradients are added to; a null dx, null gradients or both skip that half and change nothing else;
///   - a null saved state gives the same y, and so does running in place where the layer says that it can;
///   - neither forward nor backward moves the layer's state, its operands or, of a pass in inference, commit does.
///
///     const auto report = grad_check(Dense<double>{3, 4}, {5, 3});
///     REQUIRE_MESSAGE(report.ok, report.text);
template <Layer L>
CheckReport grad_check(const L& layer, const Shape& input_shape, const CheckOptions& options = {}) {
  using Values = typename Subject<L>::Values;
  Subject<L> subject(layer, input_shape, options);
  CheckReport report;
  const auto pass = subject.pass();
  L& own = subject.layer;
  const std::vector<double> state = subject.state(), x = subject.x.to_host();

  typename L::Saved saved;
  Values y;
  own.forward(pass, subject.x, y, &saved);
  const std::vector<double> y_values = y.to_host();
  report.require(y.shape() == subject.y_shape, concat({"y is ", y.shape(), ", but output_shape says ", subject.y_shape}));

  Values y_without_saving;
  own.forward(pass, subject.x, y_without_saving, nullptr);
  report.require(same_bits(y_without_saving.to_host(), y_values), "forward with a null saved gives another y");
  if constexpr (L::runs_in_place) {
    Values in_place = subject.x;
    typename L::Saved other;
    own.forward(pass, in_place, in_place, &other);
    report.require(same_bits(in_place.to_host(), y_values), "forward in place gives another y");
  }

  const Values dy = subject.random_tensor(subject.y_shape, 6);
  const std::vector<double> dy_values = dy.to_host(), before = normal_values(subject.stream(7), subject.parameter_count());
  const std::vector<double> poisoned(static_cast<std::size_t>(input_shape.count()), poison);
  const auto backward = [&](bool want_dx, bool want_gradients) {
    Values dx(Shape{input_shape.count()}, poisoned), flat(Shape{subject.parameter_count()}, before);
    Gradients<double, typename L::Device> gradients(flat);
    own.backward(pass, subject.x, y, saved, dy, want_dx ? &dx : nullptr, want_gradients ? &gradients : nullptr);
    report.require(!want_dx || dx.shape() == input_shape, concat({"backward leaves dx ", dx.shape(), ", not ", input_shape}));
    return std::pair{dx.to_host(), flat.to_host()};
  };
  const auto [dx, gradients] = backward(true, true);
  report.require(std::none_of(dx.begin(), dx.end(), [](double value) { return std::isnan(value); }), "backward does not assign all of dx");
  report.require(same_bits(backward(true, false).first, dx), "backward gives another dx where gradients are null");
  report.require(same_bits(backward(false, true).second, gradients), "backward gives other gradients where dx is null");
  report.require(same_bits(backward(false, false).second, before), "backward with nothing wanted changes gradients");
  report.require(same_bits(subject.x.to_host(), x) && same_bits(y.to_host(), y_values) && same_bits(dy.to_host(), dy_values),
                 "backward changes x, y or dy");
  report.require(same_bits(subject.state(), state), "a pass moves the layer's state");
  if (options.mode == Mode::infer) {
    own.commit(subject.context, saved);
    report.require(same_bits(subject.state(), state), "commit of a pass in inference moves the layer's state");
  }

  const auto value = [&] {
    own.forward(pass, subject.x, y, &saved);
    return inner_product(dy_values, y.to_host());
  };
  const auto by_input = [&](const std::vector<double>& values) { return subject.set_input(values), value(); };
  const auto by_parameters = [&](const std::vector<double>& values) { return subject.set_parameters(values), value(); };
  compare_input(subject, "dx", dx, by_input, report);
  compare_parameters(subject, "grads of", less(gradients, before), by_parameters, report);
  return report.finish(options);
}

}  // namespace nash::testing
