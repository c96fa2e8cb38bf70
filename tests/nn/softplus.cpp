// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/softplus.hpp"

#include "nn/checks.hpp"

using namespace nash;

TEST_CASE("Softplus has the derivatives that it says") {
  check_derivatives(Softplus<double>{}, {3, 7});
  check_derivatives(Softplus<double, Reference>{}, {2, 5});
}

TEST_CASE_TEMPLATE("Softplus is log(1 + eˣ) without overflow, and a NaN stays one", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const auto y = output_of(Softplus<T>{}, tensor<T>({1, 8}, {T(1000), T(-1000), T(0), T(-20), T(20), infinity, -infinity, T(std::nan(""))}));
  const double close = 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
  CHECK(y[0] == 1000);
  CHECK(y[1] == 0);
  CHECK(static_cast<double>(y[2]) == doctest::Approx(std::log(2)).epsilon(close));
  CHECK(static_cast<double>(y[3]) == doctest::Approx(2.0611536203e-9).epsilon(std::max(close, 1e-10)));
  CHECK(static_cast<double>(y[4]) == doctest::Approx(20.0000000020611536).epsilon(close));
  CHECK(y[5] == infinity);
  CHECK(y[6] == 0);
  CHECK(std::isnan(y[7]));
}

TEST_CASE("Softplus has a slope between 0 and 1 everywhere") {
  const Softplus<float> layer;
  Context<Cpu> context(1);
  const auto x = tensor<float>({1, 5}, {-1000, -20, 0, 20, 1000});
  Tensor<float> y, dx;
  const auto dy = tensor<float>({1, 5}, {1, 1, 1, 1, 1});
  NoSaved saved;
  layer.forward({context}, x, y, &saved);
  layer.backward({context}, x, y, saved, dy, &dx, nullptr);
  CHECK(dx[0] == 0);
  CHECK(dx[1] == doctest::Approx(2.0611536e-9).epsilon(1e-5));
  CHECK(dx[2] == doctest::Approx(0.5));
  CHECK(dx[3] == doctest::Approx(1));
  CHECK(dx[4] == 1);
}
