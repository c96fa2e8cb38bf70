// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/state_visitor.hpp"

#include <doctest/doctest.h>

#include <type_traits>

#include "nash/nn/dense.hpp"
#include "nash/nn/spectral_norm.hpp"

using namespace nash;

TEST_CASE("a visitor behind a StateVisitor sees parameters and buffers with the number of their layer before their names, const or not") {
  SpectralNorm<Dense<>> layer{Dense{3, 2}};
  std::vector<std::string> seen;
  bool only_const = true;
  const auto note = [&](const StateName& name, auto& state) {
    only_const = only_const && std::is_const_v<std::remove_reference_t<decltype(state)>>;
    seen.push_back(name.text() + (requires { state.fans(); } ? " parameter" : " buffer"));
  };
  const auto visit = [&]<bool is_const>(std::bool_constant<is_const>) {
    AnyStateVisitor<float, Cpu, is_const, decltype(note)> any(note);
    NumberedStateVisitor<float, Cpu> numbered(7, any);
    SpectralNorm<Dense<>>::visit_state(layer, numbered);
  };
  visit(std::true_type{});
  CHECK(only_const);
  CHECK(seen == std::vector<std::string>{"7.weight parameter", "7.bias parameter", "7.u buffer", "7.v buffer"});
  seen.clear(), only_const = true;
  visit(std::false_type{});
  CHECK_FALSE(only_const);
  CHECK(seen.size() == 4);
}
