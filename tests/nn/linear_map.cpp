// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/linear_map.hpp"

#include "nn/checks.hpp"

using namespace nash;

namespace {

/// y = (x₁ + 2x₂, 3x₂): a map that is not its own transpose.
struct Shear : LinearMap<Shear, double, Cpu> {
  Shape output_shape(const Shape& x) const { return x; }
  void apply(Context<Cpu>&, const Tensor<double>& x, Tensor<double>& y) const {
    for (index_t n = 0; n < x.shape()[0]; ++n) y[2 * n] = x[2 * n] + 2 * x[2 * n + 1], y[2 * n + 1] = 3 * x[2 * n + 1];
  }
  void apply_transposed(Context<Cpu>&, const Tensor<double>& dy, Tensor<double>& dx) const {
    for (index_t n = 0; n < dy.shape()[0]; ++n) dx[2 * n] = dy[2 * n], dx[2 * n + 1] = 2 * dy[2 * n] + 3 * dy[2 * n + 1];
  }
  LayerDescription describe() const { return LayerDescription("Shear"); }
};

}  // namespace

TEST_CASE("a layer that says what it does and its transpose has all derivatives, none of second order, and nothing to train") {
  const auto passes = [](const testing::CheckReport& report) { CHECK_MESSAGE(report.ok, report.text); };
  passes(testing::grad_check(Shear{}, {5, 2}));
  passes(testing::duality_check(Shear{}, {5, 2}));
  passes(testing::second_order_check(Shear{}, {5, 2}));
  CHECK(count_parameters(Shear{}) == 0);
}
