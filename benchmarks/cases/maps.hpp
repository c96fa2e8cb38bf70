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

/// The kernels that a training step spends most of its time in besides convolutions and products, fused as there. Each has a name, how many matrices it reads and
/// writes, where one that is both read and written counts twice, and `run` for any device.
struct LeakyReluForward {
  static constexpr const char* name = "leaky_relu forward";
  static constexpr int streams = 2;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise(context, m.count(), nash::Activate<T, nash::LeakyReluFunction<T>>{{T{0.2f}}, m.a, m.b});
  }
};

struct LeakyReluBackward {
  static constexpr const char* name = "leaky_relu backward";
  static constexpr int streams = 3;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise(context, m.count(), nash::ActivationJacobian<T, nash::LeakyReluFunction<T>>{{T{0.2f}}, m.a, m.b, m.c});
  }
};

struct TanhForward {
  static constexpr const char* name = "tanh forward";
  static constexpr int streams = 2;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise(context, m.count(), nash::Activate<T, nash::TanhFunction<T>>{{}, m.a, m.b});
  }
};

/// What comes back through a leaky rectifier after a BatchNorm.
template <class T>
using Cotangent = nash::ThroughActivation<T, nash::LeakyReluFunction<T>>;

struct BatchNormSums {
  static constexpr const char* name = "batch_norm sums";
  static constexpr int streams = 1;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::sum_columns(context, m.rows, m.columns, nash::CentredSquares<T>{m.a, m.mean}, m.sums);
  }
};

struct BatchNormForward {
  static constexpr const char* name = "batch_norm forward";
  static constexpr int streams = 2;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise_in_rows(context, m.rows, m.columns, nash::Normalize<T, nash::LeakyReluFunction<T>>{{T{0.2f}}, m.a, m.mean, m.rstd, m.scale, m.mean, m.b});
  }
};

struct BatchNormBackwardSums {
  static constexpr const char* name = "batch_norm backward_sums";
  static constexpr int streams = 3;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::sum_columns(context, m.rows, m.columns, nash::NormalizedSums<T, Cotangent<T>>{{{T{0.2f}}, m.b, m.c}, m.a, m.mean, m.rstd}, m.sums);
  }
};

struct BatchNormBackward {
  static constexpr const char* name = "batch_norm backward";
  static constexpr int streams = 4;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise_in_rows(context, m.rows, m.columns,
                            nash::NormalizeJacobian<T, Cotangent<T>>{{{T{0.2f}}, m.b, m.c}, m.a, m.mean, m.rstd, m.scale, m.mean, m.rstd, T{0.1f}, m.d});
  }
};

struct BiasGradient {
  static constexpr const char* name = "bias gradient";
  static constexpr int streams = 1;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::sum_columns(context, m.rows, m.columns, nash::ColumnValue<T>{m.a}, m.sums);
  }
};

struct DropoutForward {
  static constexpr const char* name = "dropout forward";
  static constexpr int streams = 2;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::pointwise_by_fours(context, m.count(), nash::Drop<T>{nash::RandomStream(1), std::uint32_t{1} << 31, T{2}, m.a, m.b});
  }
};

struct TotalOfSquares {
  static constexpr const char* name = "total squares";
  static constexpr int streams = 1;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    m.sums[0] = static_cast<T>(nash::sum(context, m.count(), nash::Square<T>{m.a}));
  }
};

struct AdamStep {
  static constexpr const char* name = "adam step";
  static constexpr int streams = 7;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    const nash::Adam adam{.learning_rate = 0.1, .beta2 = 0.9};  // far enough for a check to see each part
    nash::pointwise(context, m.count(), adam.update<T>(m.a, m.b, {m.c, m.d}, 10, adam.learning_rate));
  }
};

struct UniformDraws {
  static constexpr const char* name = "uniform draws";
  static constexpr int streams = 1;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::fill_uniform(context, nash::RandomStream(1), 0, 1, m.count(), m.a);
  }
};

struct NormalDraws {
  static constexpr const char* name = "normal draws";
  static constexpr int streams = 1;
  template <class T, class Device>
  static void run(nash::Context<Device>& context, const Matrices<T>& m) {
    nash::fill_normal(context, nash::RandomStream(1), 0, 1, m.count(), m.a);
  }
};

/// What they work on after a layer of dcgan28 and dcgan64: pixels of an image × channels.
struct MapSize {
  const char* name;
  nash::index_t pixels, columns;
};
inline constexpr MapSize map_sizes[] = {{"images28:d2", 7 * 7, 128}, {"images64:d1", 32 * 32, 64}};

/// Calls f(kernel) for each of them.
template <class Function>
void for_each_map(const Function& f) {
  const auto each = [&](auto... kernels) { (f(kernels), ...); };
  each(LeakyReluForward{}, LeakyReluBackward{}, TanhForward{}, BatchNormSums{}, BatchNormForward{}, BatchNormBackwardSums{}, BatchNormBackward{},
       BiasGradient{}, DropoutForward{}, TotalOfSquares{}, AdamStep{}, UniformDraws{}, NormalDraws{});
}

}  // namespace benchmark
