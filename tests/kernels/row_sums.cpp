// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/row_sums.hpp"

#include <doctest/doctest.h>

#include "nash/kernels/host.hpp"

using namespace nash;

TEST_CASE_TEMPLATE("sum_rows sums each row by itself, in pieces of any number", Device, Cpu, Reference) {
  for (const index_t columns : {1, 7, 255, 256, 257, 1000})
    for (const index_t rows : {1, 3, 40}) {
      Tensor<float, Device> x(Shape{rows, columns});
      for (index_t i = 0; i < x.count(); ++i) x[i] = static_cast<float>(RandomStream(1).normal(i));
      std::vector<double> sums(static_cast<std::size_t>(rows), -1), again = sums;
      Context<Device> one(1), two(2);
      sum_rows(one, rows, columns, Square<float>{x.data()}, sums.data());
      sum_rows(two, rows, columns, Square<float>{x.data()}, again.data());
      CHECK(sums == again);
      for (index_t row = 0; row < rows; ++row) {
        double expected = 0;
        for (index_t column = 0; column < columns; ++column) {
          const double value = static_cast<double>(x[row * columns + column]);
          expected += value * value;
        }
        CHECK(sums[static_cast<std::size_t>(row)] == doctest::Approx(expected).epsilon(1e-13));
      }
    }
}
