// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cases/maps.hpp"
#include "support/agreement.hpp"
#include "support/contender.hpp"

namespace benchmark {

/// A map or a sum of maps.hpp: operands, nash's result and what Reference makes of them in double.
template <class Run>
class MapProblem {
 public:
  MapProblem(const MapCase<Run>& kernel, nash::index_t rows, nash::index_t columns, nash::Context<>& context)
      : kernel_(kernel), rows_(rows), columns_(columns), context_(context), values_(nash::Shape{4 * rows * columns + 5 * columns}) {
    reset();
  }

  /// Each matrix once for each time that it is read or written.
  double bytes() const { return 4.0 * kernel_.streams * static_cast<double>(rows_ * columns_); }

  Contender nash() {
    return {"nash", [this] { kernel_.run(context_, matrices(values_)); },
            [this] {
              reset();
              kernel_.run(context_, matrices(values_));
              return std::vector<float>(values_.begin(), values_.end());
            }};
  }

  /// How far nash's result is off, in the worst of the arrays.
  double error() {
    reset();
    nash::Tensor<double, nash::Reference> expected(values_.shape());
    std::copy(values_.begin(), values_.end(), expected.data());
    nash::Context<nash::Reference> naive(1);
    kernel_.run(naive, matrices(expected));
    const std::vector<float> found = nash().result();
    double worst = 0;
    for (std::size_t first = 0; first < found.size();) {
      const std::size_t matrix = static_cast<std::size_t>(rows_ * columns_), size = first < 4 * matrix ? matrix : static_cast<std::size_t>(columns_);
      worst = std::max(worst, largest_error<double>(std::span(found).subspan(first, size), std::span<const double>(expected.data() + first, size)));
      first += size;
    }
    return worst;
  }

 private:
  void reset() {
    const nash::index_t signed_values = 3 * rows_ * columns_;
    nash::fill_uniform(context_, nash::RandomStream(7), -1, 1, signed_values, values_.data());
    nash::fill_uniform(context_, nash::RandomStream(8), 0.5, 1, values_.count() - signed_values, values_.data() + signed_values);
  }

  template <class T, class Device>
  Matrices<T> matrices(nash::Tensor<T, Device>& values) const {
    T* const a = values.data();
    const nash::index_t count = rows_ * columns_;
    T* const column = a + 4 * count;
    return {rows_, columns_, a, a + count, a + 2 * count, a + 3 * count, column, column + columns_, column + 2 * columns_, column + 3 * columns_};
  }

  MapCase<Run> kernel_;
  nash::index_t rows_, columns_;
  nash::Context<>& context_;
  nash::Tensor<float> values_;
};

}  // namespace benchmark
