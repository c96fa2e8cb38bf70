// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/host.hpp"
#include "nash/kernels/normalize.hpp"
#include "nash/kernels/random.hpp"
#include "nash/nn/dropout.hpp"
#include "nash/nn/fusion.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/tanh.hpp"
#include "nash/optim/adam.hpp"

namespace benchmark {

/// What a map or a sum works on: four matrices of rows × columns, three arrays with a value for each column, and sums with two.
template <class T>
struct Matrices {
  nash::index_t rows, columns;
  T *a, *b, *c, *d;  ///< a, b and c of either sign, d positive
  T *mean, *rstd, *scale, *sums;  ///< positive; `sums` has two values for each column

  nash::index_t count() const { return rows * columns; }
};

/// A kernel that a training step spends its time in besides convolutions and products, fused as there. `run` takes a context of any device
/// and its Matrices; `streams` is how many matrices it reads and writes, where one that is both read and written counts twice.
template <class Run>
struct MapCase {
  const char* name;
  int streams;
  Run run;
};
template <class Run>
MapCase(const char*, int, Run) -> MapCase<Run>;

/// A leaky rectifier, and what comes back through one that follows a BatchNorm.
template <class T>
using Rectifier = nash::LeakyReluFunction<T>;
template <class T>
using Cotangent = nash::ThroughActivation<T, Rectifier<T>>;

/// What they work on after a layer of dcgan28 and dcgan64: pixels of an image × channels.
struct MapSize {
  const char* name;
  nash::index_t pixels, columns;
};
inline constexpr MapSize map_sizes[] = {{"images28:d2", 7 * 7, 128}, {"images64:d1", 32 * 32, 64}};

/// Calls f(case) for each of them.
template <class Function>
void for_each_map(const Function& f) {
  using namespace nash;
  f(MapCase{"leaky_relu forward", 2, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise(context, m.count(), Activate<T, Rectifier<T>>{{T{0.2f}}, m.a, m.b});
  }});
  f(MapCase{"leaky_relu backward", 3, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise(context, m.count(), ActivationJacobian<T, Rectifier<T>>{{T{0.2f}}, m.a, m.b, m.c});
  }});
  f(MapCase{"tanh forward", 2, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise(context, m.count(), Activate<T, TanhFunction<T>>{{}, m.a, m.b});
  }});
  f(MapCase{"batch_norm sums", 1, []<class T>(auto& context, const Matrices<T>& m) {
    sum_columns(context, m.rows, m.columns, CentredSquares<T>{m.a, m.mean}, m.sums);
  }});
  f(MapCase{"batch_norm forward", 2, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise_in_rows(context, m.rows, m.columns, Normalize<T, Rectifier<T>>{{T{0.2f}}, m.a, m.mean, m.rstd, m.scale, m.mean, m.b});
  }});
  f(MapCase{"batch_norm backward_sums", 3, []<class T>(auto& context, const Matrices<T>& m) {
    sum_columns(context, m.rows, m.columns, NormalizedSums<T, Cotangent<T>>{{{T{0.2f}}, m.b, m.c}, m.a, m.mean, m.rstd}, m.sums);
  }});
  f(MapCase{"batch_norm backward", 4, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise_in_rows(context, m.rows, m.columns,
                      NormalizeJacobian<T, Cotangent<T>>{{{T{0.2f}}, m.b, m.c}, m.a, m.mean, m.rstd, m.scale, m.mean, m.rstd, T{0.1f}, m.d});
  }});
  f(MapCase{"bias gradient", 1, []<class T>(auto& context, const Matrices<T>& m) {
    sum_columns(context, m.rows, m.columns, ColumnValue<T>{m.a}, m.sums);
  }});
  f(MapCase{"dropout forward", 2, []<class T>(auto& context, const Matrices<T>& m) {
    pointwise_by_fours(context, m.count(), Drop<T>{RandomStream(1), std::uint32_t{1} << 31, T{2}, m.a, m.b});
  }});
  f(MapCase{"total squares", 1, []<class T>(auto& context, const Matrices<T>& m) {
    m.sums[0] = static_cast<T>(sum(context, m.count(), Square<T>{m.a}));
  }});
  f(MapCase{"adam step", 7, []<class T>(auto& context, const Matrices<T>& m) {
    const Adam adam{.learning_rate = 0.1, .beta2 = 0.9};  // far enough for a check to see each part
    pointwise(context, m.count(), adam.update<T>(m.a, m.b, {m.c, m.d}, 10, adam.learning_rate));
  }});
  f(MapCase{"uniform draws", 1, []<class T>(auto& context, const Matrices<T>& m) {
    fill_uniform(context, RandomStream(1), 0, 1, m.count(), m.a);
  }});
  f(MapCase{"normal draws", 1, []<class T>(auto& context, const Matrices<T>& m) {
    fill_normal(context, RandomStream(1), 0, 1, m.count(), m.a);
  }});
}

}  // namespace benchmark
