// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/host.hpp"
#include "nash/tensor/tensor.hpp"
#include "support/agreement.hpp"
#include "support/contender.hpp"

namespace benchmark {

/// A matrix product: operands, nash's result and what Reference makes of it.
class GemmProblem {
 public:
  GemmProblem(const nash::GemmGeometry& geometry, nash::Context<>& context)
      : geometry_(geometry), context_(context), a_(nash::Shape{geometry.m * geometry.k}), b_(nash::Shape{geometry.k * geometry.n}),
        c_(nash::Shape{geometry.m * geometry.n}) {
    nash::fill_normal(context, nash::RandomStream(1), 0, 1, a_.count(), a_.data());
    nash::fill_normal(context, nash::RandomStream(2), 0, 1, b_.count(), b_.data());
  }

  const nash::GemmGeometry& geometry() const { return geometry_; }
  const float* a() const { return a_.data(); }
  const float* b() const { return b_.data(); }

  double operations() const { return 2.0 * static_cast<double>(geometry_.m * geometry_.n * geometry_.k); }
  double bytes() const { return 4.0 * static_cast<double>(a_.count() + b_.count() + c_.count()); }

  Contender nash() {
    return {"nash", [this] { run(); },
            [this] {
              std::fill(c_.begin(), c_.end(), 0.0f);
              run();
              return std::vector<float>(c_.begin(), c_.end());
            }};
  }

  /// How far nash's result is off, in as many evenly spaced rows, the first and the last among them, as Reference does in a
  /// twentieth of a second.
  double error() {
    const nash::GemmGeometry& g = geometry_;
    const nash::index_t rows = std::clamp<nash::index_t>(50'000'000 / (g.n * g.k), std::min<nash::index_t>(2, g.m), g.m);
    const auto row = [&](nash::index_t i) { return rows == 1 ? 0 : i * (g.m - 1) / (rows - 1); };
    const std::vector<float> whole = nash().result();

    std::vector<double> a, b(b_.begin(), b_.end()), expected(static_cast<std::size_t>(rows * g.n));
    std::vector<float> chosen;
    for (nash::index_t i = 0; i < rows; ++i) {
      for (nash::index_t k = 0; k < g.k; ++k) a.push_back(a_.data()[g.transpose_a ? k * g.m + row(i) : row(i) * g.k + k]);
      chosen.insert(chosen.end(), whole.begin() + row(i) * g.n, whole.begin() + (row(i) + 1) * g.n);
    }
    nash::Context<nash::Reference> naive(1);
    const nash::GemmGeometry some{.m = rows, .n = g.n, .k = g.k, .transpose_b = g.transpose_b};
    nash::GemmKernels<nash::Reference>::multiply(naive, some, a.data(), b.data(), expected.data());
    return largest_error<double>(chosen, expected);
  }

 private:
  void run() { nash::GemmKernels<nash::Cpu>::multiply(context_, geometry_, a_.data(), b_.data(), c_.data()); }

  nash::GemmGeometry geometry_;
  nash::Context<>& context_;
  nash::Tensor<float> a_, b_, c_;
};

}  // namespace benchmark
