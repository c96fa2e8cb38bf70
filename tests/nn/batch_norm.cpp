// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/batch_norm.hpp"

#include "nn/checks.hpp"

using namespace nash;

namespace {

/// The statistics of each channel, in long double.
struct Statistics {
  std::vector<double> mean, biased_variance, unbiased_variance;

  explicit Statistics(const Tensor<double>& x) {
    const index_t channels = x.shape().channels(), rows = x.shape().rows();
    for (index_t c = 0; c < channels; ++c) {
      long double total = 0, squares = 0;
      for (index_t row = 0; row < rows; ++row) total += x[row * channels + c];
      const long double m = total / rows;
      for (index_t row = 0; row < rows; ++row) squares += (x[row * channels + c] - m) * (x[row * channels + c] - m);
      mean.push_back(static_cast<double>(m));
      biased_variance.push_back(static_cast<double>(squares / rows));
      unbiased_variance.push_back(static_cast<double>(squares / (rows - 1)));
    }
  }
};

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

std::vector<double> moved(const std::vector<double>& running, double momentum, const std::vector<double>& batch) {
  std::vector<double> result;
  for (std::size_t i = 0; i < running.size(); ++i) result.push_back((1 - momentum) * running[i] + momentum * batch[i]);
  return result;
}

}  // namespace

TEST_CASE("BatchNorm has the derivatives that it says, in training and in inference") {
  check_derivatives(BatchNorm<double>{3}, {7, 3});
  check_derivatives(BatchNorm<double>{2, {.epsilon = 0.1}}, {2, 3, 2, 2});
  check_derivatives(BatchNorm<double>{1}, {2, 1});
  check_derivatives(BatchNorm<double, Reference>{2}, {5, 2});
}

TEST_CASE("BatchNorm normalises by the batch's biased variance in training, by running statistics in inference") {
  auto layer = initialised(BatchNorm<double>{2});
  const auto x = random_tensor({5, 3, 2, 2});
  const Statistics of_x(x);
  set_state(layer, "weight", {2, 3});
  set_state(layer, "bias", {10, 20});
  set_state(layer, "running_mean", {0.5, -1});
  set_state(layer, "running_var", {4, 0.25});
  const auto trained = output_of(layer, x, Mode::train), inferred = output_of(layer, x, Mode::infer);
  for (index_t i = 0; i < x.count(); ++i) {
    const auto c = static_cast<std::size_t>(i % 2);
    const double scale = c == 0 ? 2 : 3, shift = c == 0 ? 10 : 20, mean = c == 0 ? 0.5 : -1, variance = c == 0 ? 4 : 0.25;
    CHECK(trained[i] == doctest::Approx(scale * (x[i] - of_x.mean[c]) / std::sqrt(of_x.biased_variance[c] + 1e-5) + shift).epsilon(1e-12));
    CHECK(inferred[i] == doctest::Approx(scale * (x[i] - mean) / std::sqrt(variance + 1e-5) + shift).epsilon(1e-12));
  }
}

TEST_CASE("a real and a fake pass, committed in order, move the running statistics by the formula") {
  auto layer = initialised(BatchNorm<double>{3, {.momentum = 0.3}});
  Context<Cpu> context(1);
  const auto real = random_tensor({4, 3}, 1), fake = random_tensor({6, 3}, 2);
  BatchNorm<double>::Saved real_saved, fake_saved;
  Tensor<double> y;
  layer.forward({context, Mode::train}, real, y, &real_saved);
  layer.forward({context, Mode::train}, fake, y, &fake_saved);
  layer.forward({context, Mode::train}, fake, y, nullptr);
  CHECK(state_of(layer, "running_mean") == std::vector<double>{0, 0, 0});
  CHECK(state_of(layer, "running_var") == std::vector<double>{1, 1, 1});

  const auto mean = moved(moved({0, 0, 0}, 0.3, Statistics(real).mean), 0.3, Statistics(fake).mean);
  const auto variance = moved(moved({1, 1, 1}, 0.3, Statistics(real).unbiased_variance), 0.3, Statistics(fake).unbiased_variance);
  layer.commit(context, real_saved);
  layer.commit(context, fake_saved);
  check_close(state_of(layer, "running_mean"), mean);
  check_close(state_of(layer, "running_var"), variance);
}

TEST_CASE("committing what no training pass has saved moves nothing") {
  auto layer = initialised(BatchNorm<double>{2});
  Context<Cpu> context(1);
  BatchNorm<double>::Saved saved;
  layer.commit(context, saved);
  Tensor<double> y;
  layer.forward({context, Mode::train}, random_tensor({4, 2}), y, &saved);
  layer.forward({context, Mode::infer}, random_tensor({4, 2}), y, &saved);  // replaces what the training pass saved
  layer.commit(context, saved);
  CHECK(state_of(layer, "running_mean") == std::vector<double>{0, 0});
  CHECK(state_of(layer, "running_var") == std::vector<double>{1, 1});
}

TEST_CASE("a momentum of 1 keeps the last batch's statistics, one of 0 the first") {
  for (const double momentum : {0.0, 1.0}) {
    auto layer = initialised(BatchNorm<double>{2, {.momentum = momentum}});
    Context<Cpu> context(1);
    BatchNorm<double>::Saved saved;
    Tensor<double> y;
    const auto x = random_tensor({4, 2});
    layer.forward({context, Mode::train}, x, y, &saved);
    layer.commit(context, saved);
    check_close(state_of(layer, "running_mean"), momentum == 1 ? Statistics(x).mean : std::vector<double>{0, 0});
    check_close(state_of(layer, "running_var"), momentum == 1 ? Statistics(x).unbiased_variance : std::vector<double>{1, 1});
  }
}

TEST_CASE("BatchNorm is exact enough far from zero") {
  // Mean 1000, deviation 1: a variance from Σx² − (Σx)²/n would be lost in single precision.
  Tensor<float> x(Shape{4096, 1});
  for (index_t i = 0; i < x.count(); ++i) x[i] = static_cast<float>(1000 + RandomStream(3).normal(i));
  const auto y = output_of(initialised(BatchNorm<float>{1}), x, Mode::train);
  double total = 0, squares = 0;
  for (const float value : y) total += value, squares += static_cast<double>(value) * value;
  CHECK(std::abs(total / 4096) < 1e-4);
  CHECK(squares / 4096 == doctest::Approx(1).epsilon(1e-3));
}

TEST_CASE("BatchNorm needs two values a channel in training") {
  auto layer = initialised(BatchNorm{3});
  const auto message = [&](const Shape& shape, Mode mode) {
    return message_of<ShapeError>([&] { output_of(layer, random_tensor<float>(shape), mode); });
  };
  CHECK(message({1, 3}, Mode::train) ==
        "BatchNorm: expected at least two values a channel in training, got 1 (input 1×3).\nUse a batch of at least 2, or inference mode.");
  CHECK(message({1, 1, 1, 3}, Mode::train).find("got 1 (input 1×1×1×3)") != std::string::npos);
  CHECK(message({0, 3}, Mode::train).find("got 0 (input 0×3)") != std::string::npos);
  CHECK(message({1, 1, 2, 3}, Mode::train) == "");
  CHECK(message({1, 3}, Mode::infer) == "");

  BatchNorm<float>::Saved saved;
  Context<Cpu> context(1);
  Tensor<float> y;
  CHECK_THROWS_AS(layer.forward({context, Mode::train}, random_tensor<float>({1, 3}), y, &saved), ShapeError);
  layer.commit(context, saved);
  CHECK(state_of(layer, "running_var") == std::vector<float>{1, 1, 1});
}

TEST_CASE("BatchNorm refuses what does not fit") {
  const BatchNorm layer{3};
  CHECK(message_of<ShapeError>([&] { layer.output_shape({4, 2}); }) ==
        "BatchNorm: expected N×…×3 values, got 4×2.\nBuild BatchNorm{2} or change the layer before it.");
  CHECK(message_of<ShapeError>([&] { layer.output_shape({3}); }).find("BatchNorm: expected N×…×3 values, got 3.") == 0);
  CHECK(message_of<ShapeError>([] { BatchNorm{0}; }).find("BatchNorm: expected a number of channels of at least 1, got 0.") == 0);
  CHECK(message_of<ShapeError>([] { BatchNorm(1, {.epsilon = 0}); }) == "BatchNorm: expected a positive, finite epsilon, got 0.\nUse 1e-5.");
  CHECK(message_of<ShapeError>([] { BatchNorm(1, {.momentum = 1.5}); }) == "BatchNorm: expected a momentum from 0 to 1, got 1.5.\nUse 0.1.");
  CHECK(message_of<ShapeError>([] { BatchNorm(1, {.momentum = std::nan("")}); }) != "");
}

TEST_CASE("BatchNorm couples the samples of a batch") {
  static_assert(CouplesSamples<BatchNorm<float>>);
  const auto layer = initialised(BatchNorm<double>{1});
  auto x = random_tensor({4, 1});
  const double before = output_of(layer, x, Mode::train)[0];
  x[3] += 1;
  CHECK(output_of(layer, x, Mode::train)[0] != before);
}
