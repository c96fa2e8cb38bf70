// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/dropout.hpp"

#include "nash/nn/sequential.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

Tensor<double> ones(const Shape& shape) {
  Tensor<double> x(shape);
  std::fill(x.begin(), x.end(), 1.0);
  return x;
}

}  // namespace

TEST_CASE("Dropout has the derivatives that it says") {
  check_derivatives(Dropout<double>{0.4}, {4, 9});
  check_derivatives(Dropout<double>{0}, {2, 3});
  check_derivatives(Dropout<double, Reference>{0.5}, {2, 2, 2, 2});
}

TEST_CASE("Dropout keeps the mean: values are zero with probability p and else divided by 1 − p") {
  for (const double p : {0.1, 0.5, 0.75}) {
    const auto y = output_of(Dropout<double>{p}, ones({100, 1000}), Mode::train);
    double zeros = 0, others = 0, total = 0;
    for (const double value : y) {
      zeros += value == 0;
      total += value;
      others += value != 0 && value != 1 / (1 - p);
    }
    const double deviation = std::sqrt(p * (1 - p) / 1e5);
    CHECK(others == 0);
    CHECK(std::abs(zeros / 1e5 - p) < 4 * deviation);
    CHECK(std::abs(total / 1e5 - 1) < 4 * deviation / (1 - p));
  }
}

TEST_CASE("Dropout drops where the pass's uniform number at a value's place is below p, for any number of values") {
  for (const index_t count : {1, 2, 3, 4, 5, 7, 8, 1001}) {
    CAPTURE(count);
    Context<Cpu> context(1);
    const Pass<Cpu> pass{context, Mode::train, RandomStream(11).child(2)};
    Tensor<double> y;
    NoSaved saved;
    Dropout<double>{0.4}.forward(pass, ones({1, count}), y, &saved);
    for (index_t i = 0; i < count; ++i) REQUIRE(y.data()[i] == (pass.random.uniform(i) < 0.4 ? 0 : 1 / 0.6));
  }
}

TEST_CASE_TEMPLATE("whatever the probability, values are dropped where the uniform number is below it, and what is dropped is zero", T, float, double) {
  constexpr index_t count = 4099;
  Context<Cpu> context(1);
  const Pass<Cpu> pass{context, Mode::train, RandomStream(5)};
  const double some = pass.random.uniform(17);  // to either side of a number that is drawn
  for (const double p : {1e-12, 0x1p-33, 0.2, some, std::nextafter(some, 0.0), std::nextafter(some, 1.0), 0.999, 1 - 1e-12}) {
    CAPTURE(p);
    for (const T x : {T{-3}, std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()}) {
      Tensor<T> y;
      NoSaved saved;
      Dropout<T>{p}.forward(pass, Tensor<T>::filled({count}, x), y, &saved);
      const T kept = static_cast<T>(1 / (1 - p)) * x;
      index_t wrong = 0;
      for (index_t i = 0; i < count; ++i) {
        const T expected = pass.random.uniform(i) < p ? T{0} : kept;
        wrong += std::memcmp(&y[i], &expected, sizeof(T)) != 0;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("Dropout changes nothing in inference") {
  const auto x = random_tensor({3, 8});
  CHECK(output_of(Dropout<double>{0.5}, x, Mode::infer).to_host() == x.to_host());
}

TEST_CASE("Dropout that is to drop in inference does what it does in training, and stays so when it is copied") {
  const Dropout<double> layer{0.5, {.in_inference = true}};
  const auto x = random_tensor({3, 8});
  const auto y = output_of(layer, x, Mode::train).to_host();
  CHECK(y != x.to_host());
  CHECK(output_of(layer, x, Mode::infer).to_host() == y);
  CHECK(output_of(layer.to<double, Cpu>(), x, Mode::infer).to_host() == y);
  CHECK(output_of(Dropout<double>::from(layer.describe()), x, Mode::infer).to_host() == y);
  CHECK(output_of(Dropout<double>::from(Dropout<double>{0.5}.describe()), x, Mode::infer).to_host() == x.to_host());
  check_derivatives(layer, {4, 9});
}

TEST_CASE("backward and tangent draw the mask of the forward pass, whatever else was drawn in between") {
  const Dropout<double> layer{0.5};
  Context<Cpu> context(1);
  const Pass<Cpu> pass{context, Mode::train, RandomStream(7).child(3)}, other{context, Mode::train, RandomStream(7).child(4)};
  const auto x = ones({5, 20});
  Tensor<double> y, other_y, dx, y_tangent;
  NoSaved saved;
  layer.forward(pass, x, y, &saved);
  layer.forward(other, x, other_y, &saved);
  layer.backward(pass, x, y, saved, x, &dx, nullptr);
  layer.tangent(pass, x, y, saved, x, y_tangent);
  CHECK(dx.to_host() == y.to_host());
  CHECK(y_tangent.to_host() == y.to_host());
  CHECK(other_y.to_host() != y.to_host());
}

TEST_CASE("two Dropouts of one network draw masks of their own, at any depth") {
  const auto kept = [](const Tensor<double>& y) { return static_cast<double>(std::count_if(y.begin(), y.end(), [](double v) { return v != 0; })); };
  const auto x = ones({1, 4000});
  const auto flat = output_of(Sequential{Dropout<double>{0.5}, Dropout<double>{0.5}}, x, Mode::train);
  CHECK(kept(flat) == doctest::Approx(1000).epsilon(0.1));  // equal masks would keep 2000
  const auto nested = output_of(Sequential{Dropout<double>{0.5}, Sequential{Dropout<double>{0.5}, Dropout<double>{0.5}}}, x, Mode::train);
  CHECK(kept(nested) == doctest::Approx(500).epsilon(0.15));
}

TEST_CASE("Dropout refuses what is no probability below 1") {
  CHECK(message_of<ShapeError>([] { Dropout{1.0}; }) == "Dropout: expected a probability from 0 to below 1, got 1.\nUse 0.5.");
  CHECK(message_of<ShapeError>([] { Dropout{-0.1}; }) != "");
  CHECK(message_of<ShapeError>([] { Dropout{std::nan("")}; }) != "");
}
