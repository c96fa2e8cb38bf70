// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/reduce.hpp"

#include "kernels/comparison.hpp"

using namespace nash;

namespace {

/// Two sums in one pass, which also depend on the column.
template <class T>
struct ValueAndShare {
  static constexpr int sums = 2;
  const T* x;
  void operator()(index_t i, index_t column, T* terms) const {
    terms[0] = x[i];
    terms[1] = x[i] * static_cast<T>(column + 1);
  }
};

constexpr index_t matrices[][2] = {{0, 3}, {1, 1}, {1, 100}, {7, 1}, {2, 64}, {3, 65}, {17, 5}, {1000, 3}, {16, 129}, {15, 700}, {20000, 1}, {333, 64}, {4099, 17}};

}  // namespace

TEST_CASE("sums agree with the naive loops and do not depend on the threads") {
  Context<Reference> reference(1);
  for (const index_t count : {0, 1, 2, 63, 8191, 8192, 8193, 100003}) {
    CAPTURE(count);
    const auto x = Guarded<double>::random(count, 1), y = Guarded<double>::random(count, 2);
    Context<Cpu> one(1);
    const double value = sum(one, count, Value<double>{x.data()});
    const double product = sum(one, count, Product<double>{x.data(), y.data()});
    const double square = sum(one, count, Square<double>{x.data()});
    CHECK(std::abs(value - sum(reference, count, Value<double>{x.data()})) < 1e-10);
    CHECK(std::abs(product - sum(reference, count, Product<double>{x.data(), y.data()})) < 1e-10);
    CHECK(std::abs(square - sum(reference, count, Square<double>{x.data()})) < 1e-8);
    for (const int threads : {2, 3}) {
      Context<Cpu> several(threads);
      CHECK(sum(several, count, Value<double>{x.data()}) == value);
      CHECK(sum(several, count, Product<double>{x.data(), y.data()}) == product);
      CHECK(sum(several, count, Square<double>{x.data()}) == square);
    }
  }
}

TEST_CASE_TEMPLATE("sums of columns agree with the naive loops and do not depend on the threads", T, float, double) {
  Context<Reference> reference(1);
  for (const auto& matrix : matrices) {
    const index_t rows = matrix[0], columns = matrix[1];  // no bindings: clang does not capture them under OpenMP
    CAPTURE(rows);
    CAPTURE(columns);
    const auto x = Guarded<T>::random(rows * columns, 1), absolute = magnitudes(x);
    const auto wide = widened(x), wide_absolute = widened(absolute);
    Guarded<T> sums(2 * columns);
    Guarded<double> expected(2 * columns), magnitude(2 * columns);
    Context<Cpu> one(1);
    sum_columns(one, rows, columns, ValueAndShare<T>{x.data()}, sums.data());
    sum_columns(reference, rows, columns, ValueAndShare<double>{wide.data()}, expected.data());
    sum_columns(reference, rows, columns, ValueAndShare<double>{wide_absolute.data()}, magnitude.data());
    CHECK(sums.walls_stand());
    if (rows > 0) CHECK(roundings_off(sums, expected, magnitude) < 4);
    if (rows == 0) CHECK(std::all_of(sums.data(), sums.data() + sums.count(), [](T value) { return value == 0; }));
    for (const int threads : {2, 3}) {
      Context<Cpu> several(threads);
      Guarded<T> again(2 * columns);
      sum_columns(several, rows, columns, ValueAndShare<T>{x.data()}, again.data());
      CHECK(again.same_bits(sums));
    }
  }
}

TEST_CASE("a million floats lose nothing") {
  // In single precision one running total would be off by about 1 %.
  const index_t count = 1000000;
  std::vector<float> x(static_cast<std::size_t>(count), 0.1f);
  Context<Cpu> context(2);
  const double exact = static_cast<double>(0.1f) * static_cast<double>(count);
  CHECK(sum(context, count, Value<float>{x.data()}) == doctest::Approx(exact).epsilon(1e-12));
  float column = 0;
  sum_columns(context, count, 1, ColumnValue<float>{x.data()}, &column);
  CHECK(static_cast<double>(column) == doctest::Approx(exact).epsilon(1e-6));
}
