// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/testing/subject.hpp"

namespace nash::testing {

/// Checks a layer's tangent ẏ = J·v: it agrees with a central difference of f along v, and it is the adjoint of backward,
/// ⟨dy, J·v⟩ = ⟨Jᵀ·dy, v⟩. It assigns ẏ and moves no state.
template <TwiceDifferentiable L>
CheckReport duality_check(const L& layer, const Shape& input_shape, const CheckOptions& options = {}) {
  using Values = typename Subject<L>::Values;
  Subject<L> subject(layer, input_shape, options);
  CheckReport report;
  L& own = subject.layer;
  const std::vector<double> state = subject.state(), x = subject.x.to_host();
  const Values v = subject.random_tensor(input_shape, 8), dy = subject.random_tensor(subject.y_shape, 6);
  const std::vector<double> v_values = v.to_host();

  for (const bool second_order : {false, true}) {
    const auto pass = subject.pass(second_order);
    typename L::Saved saved;
    Values y, dx, y_tangent(subject.y_shape, std::vector<double>(static_cast<std::size_t>(subject.y_shape.count()), poison));
    own.forward(pass, subject.x, y, &saved);
    own.backward(pass, subject.x, y, saved, dy, &dx, nullptr);
    own.tangent(pass, subject.x, y, saved, v, y_tangent);
    report.require(y_tangent.shape() == subject.y_shape, concat({"the tangent is ", y_tangent.shape(), ", not ", subject.y_shape}));

    const double forwards = inner_product(dy.to_host(), y_tangent.to_host()), backwards = inner_product(dx.to_host(), v_values);
    report.compare(std::abs(forwards - backwards) / std::max({1.0, std::abs(forwards), std::abs(backwards)}),
                   concat({"<dy, J v> = ", forwards, ", but <J^T dy, v> = ", backwards}));

    const auto at = [&](double distance) {
      std::vector<double> moved = x;
      for (std::size_t j = 0; j < moved.size(); ++j) moved[j] += distance * v_values[j];
      subject.set_input(moved);
      own.forward(pass, subject.x, y, nullptr);
      return y.to_host();
    };
    const double h = options.step;
    const std::vector<double> far_below = at(-h), below = at(-h / 2), here = at(0), above = at(h / 2), far_above = at(h);
    const std::vector<double> tangent = y_tangent.to_host();
    const double least = least_scale(tangent);
    for (std::size_t i = 0; i < tangent.size(); ++i)
      compare_with_difference("tangent", i, tangent[i], least,
                              [&] { return Stencil{far_below[i], below[i], here[i], above[i], far_above[i]}; }, options, report);
    subject.set_input(x);
  }
  report.require(same_bits(subject.state(), state), "a pass moves the layer's state");
  return report.finish(options);
}

}  // namespace nash::testing
