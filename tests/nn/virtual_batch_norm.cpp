// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/virtual_batch_norm.hpp"

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/reference_batch.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/softplus.hpp"
#include "nash/testing/penalty_check.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A small network with a reference of five samples.
auto with_reference(bool own) {
  return ReferenceBatch{Shape{5, 4}, Sequential{Dense<double>{4, 6}, VirtualBatchNorm<double>{6, 5, {.own = own}}, Softplus<double>{}, Dense<double>{6, 3}}};
}

std::vector<double> rows_of(const Tensor<double>& x, index_t first, index_t count) {
  const index_t size = x.shape().count_per_sample();
  return {x.begin() + first * size, x.begin() + (first + count) * size};
}

}  // namespace

TEST_CASE("VirtualBatchNorm and ReferenceBatch have the derivatives that they say") {
  for (const bool own : {true, false}) {
    check_derivatives(VirtualBatchNorm<double>{3, 4, {.own = own}}, {6, 2, 3, 3});
    check_derivatives(VirtualBatchNorm<double>{5, 3, {.own = own, .epsilon = 0.1}}, {5, 5});
    check_derivatives(with_reference(own), {3, 4});
  }
}

TEST_CASE("the reference is normalised by itself, each other sample by the reference and itself") {
  const auto x = tensor<double>({4, 1, 2, 1}, {1, 3, 2, 6, 10, 20, -4, 8});  // two samples of reference
  const auto expect = [&](const Tensor<double>& y, index_t n, double mean, double square) {
    for (index_t p = 0; p < 2; ++p)
      CHECK(y[2 * n + p] == doctest::Approx((x[2 * n + p] - mean) / std::sqrt(square - mean * mean + 1e-5)).epsilon(1e-12));
  };
  const double mean = 3, square = (1 + 9 + 4 + 36) / 4.0;
  const auto both = output_of(initialised(VirtualBatchNorm<double>{1, 2}), x), alone = output_of(initialised(VirtualBatchNorm<double>{1, 2, {.own = false}}), x);
  for (index_t n = 0; n < 2; ++n) expect(both, n, mean, square), expect(alone, n, mean, square);
  expect(both, 2, (2 * mean + 15) / 3, (2 * square + 250) / 3);
  expect(both, 3, (2 * mean + 2) / 3, (2 * square + 40) / 3);
  for (index_t n = 2; n < 4; ++n) expect(alone, n, mean, square);
}

TEST_CASE("a sample depends on the reference and not on its batch") {
  const auto layer = initialised(with_reference(true));
  const auto x = random_tensor<double>({6, 4}, 3);
  const auto all = output_of(layer, x, Mode::train);
  for (index_t n = 0; n < 6; ++n) {
    const auto alone = output_of(layer, tensor<double>({1, 4}, rows_of(x, n, 1)), Mode::infer);
    CHECK(alone.shape() == Shape{1, 3});
    for (index_t c = 0; c < 3; ++c) CHECK(alone[c] == doctest::Approx(all[3 * n + c]).epsilon(1e-13));
  }
  CHECK(state_of(layer, "reference") != state_of(initialised(with_reference(true), 2), "reference"));
}

TEST_CASE("a given reference stays what it is when the network is initialised or converted") {
  const auto reference = random_tensor<double>({5, 4}, 8);
  const auto given = ReferenceBatch{reference, Sequential{Dense<double>{4, 6}, VirtualBatchNorm<double>{6, 5}}};
  CHECK(state_of(initialised(given), "reference") == reference.to_host());
  CHECK(state_of(initialised(given.to<double, Cpu>()), "reference") == reference.to_host());
  const auto again = std::remove_const_t<decltype(given)>::from(given.describe(), given.body());
  CHECK(state_of(initialised(again), "reference") == std::vector<double>(20, 0.0));  // until it is loaded
}

TEST_CASE("gradient penalties go through a ReferenceBatch, unless there is BatchNorm in it") {
  using Virtual = ReferenceBatch<Sequential<Dense<double>, VirtualBatchNorm<double>>>;
  static_assert(TwiceDifferentiable<Virtual> && !RefusesPenalties<Virtual> && RefusesPenalties<ReferenceBatch<BatchNorm<double>>>);
  const auto report = testing::penalty_check(
      Sequential{ReferenceBatch{Shape{3, 5}, Sequential{Dense<double>{5, 4}, VirtualBatchNorm<double>{4, 3}, Softplus<double>{}}}, Dense<double>{4, 1}}, {4, 5}, 1);
  CHECK_MESSAGE(report.ok, report.text);
}

TEST_CASE("what they refuse") {
  CHECK(message_of<ShapeError>([] { (void)VirtualBatchNorm{3, 4}.output_shape({4, 3}); }) ==
        "VirtualBatchNorm: expected the 4 samples of its reference and more after them, got 4.\nPut it into a ReferenceBatch of that many samples.");
  CHECK(message_of<ShapeError>([] { VirtualBatchNorm(3, 1); }).starts_with("VirtualBatchNorm: expected a number of samples of the reference of at least 2"));
  CHECK(message_of<ShapeError>([] { (void)ReferenceBatch{Shape{5, 4}, Dense{4, 2}}.output_shape({2, 3}); }) ==
        "ReferenceBatch: expected samples of the reference's shape, N×4, got 2×3.\nGive it a reference of such samples.");
  CHECK(message_of<ShapeError>([] { (void)ReferenceBatch{Shape{5, 4}, VirtualBatchNorm{4, 9}}.output_shape({2, 4}); })
            .starts_with("VirtualBatchNorm (body): expected the 9 samples"));
  CHECK(message_of<ShapeError>([] { ReferenceBatch{Shape{5}, Dense{1, 2}}; }).starts_with("ReferenceBatch: expected a reference of samples, N×…, got 5"));
}
