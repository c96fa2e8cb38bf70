// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "nash/kernels/random.hpp"
#include "nash/nn/orthonormal.hpp"

namespace nash {

/// The fans of a weight tensor: how many inputs one output sees, and the reverse.
struct Fans {
  index_t in = 1, out = 1;
  index_t rows = 1;                  ///< the rows of the tensor seen as a matrix
  bool outputs_are_columns = false;  ///< what one output is made of is a column of that matrix, and not a row
};

/// What a parameter is before training.
struct Init {
  enum class Kind { constant, normal, uniform, glorot, he, orthogonal };

  Kind kind = Kind::constant;
  double a = 0, b = 0;

  static constexpr Init constant(double value) { return {Kind::constant, value, 0}; }
  static constexpr Init zeros() { return constant(0); }
  static constexpr Init ones() { return constant(1); }
  /// N(mean, deviation²)
  static constexpr Init normal(double deviation, double mean = 0) { return {Kind::normal, deviation, mean}; }
  /// N(0, 0.02²) for weights: Radford, Metz and Chintala 2016, section 4.
  static constexpr Init dcgan() { return normal(0.02); }
  /// U(−bound, bound)
  static constexpr Init uniform(double bound) { return {Kind::uniform, bound, 0}; }
  /// U(−b, b), b = gain·√(6 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 16.
  static constexpr Init glorot(double gain = 1) { return {Kind::glorot, gain, 0}; }
  /// N(0, 2 / ((1 + slope²)·fan_in)), for layers before a (leaky) rectifier: He et al. 2015, equations 10 and 15.
  static constexpr Init he(double slope = 0) { return {Kind::he, slope, 0}; }
  /// gain · a matrix with orthonormal rows or columns, whichever are fewer: Saxe, McClelland and Ganguli 2014.
  static constexpr Init orthogonal(double gain = 1) { return {Kind::orthogonal, gain, 0}; }

  constexpr bool operator==(const Init&) const = default;

  /// Throws ShapeError where a number is not finite.
  NASH_COLD void check() const {
    if (!std::isfinite(a) || !std::isfinite(b)) throw ShapeError("Init", "finite numbers", concat({a, " and ", b}), "Init::dcgan() is a usual choice");
  }

  template <class T, class Device>
  NASH_COLD void fill(Context<Device>& context, RandomStream random, const Fans& fans, Tensor<T, Device>& x) const {
    const auto uniform_within = [&](double bound) { fill_uniform(context, random, -bound, bound, x.count(), x.data()); };
    switch (kind) {
      case Kind::constant: return pointwise(context, x.count(), Fill<T>{x.data(), static_cast<T>(a)});
      case Kind::normal: return fill_normal(context, random, b, a, x.count(), x.data());
      case Kind::uniform: return uniform_within(a);
      case Kind::glorot: return uniform_within(a * std::sqrt(6.0 / static_cast<double>(fans.in + fans.out)));
      case Kind::he:
        return fill_normal(context, random, 0, std::sqrt(2.0 / ((1 + a * a) * static_cast<double>(fans.in))), x.count(), x.data());
      case Kind::orthogonal: return fill_orthogonal(context, random, fans, x);
    }
  }

 private:
  /// Orthonormal vectors that begin as normal ones.
  template <class T, class Device>
  NASH_COLD void fill_orthogonal(Context<Device>& context, RandomStream random, const Fans& fans, Tensor<T, Device>& x) const {
    const index_t rows = fans.rows, columns = x.count() / rows;
    const index_t vectors = std::min(rows, columns), length = std::max(rows, columns);
    std::vector<double> q(static_cast<std::size_t>(vectors * length));
    double* const vector = q.data();
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (vectors * length > 1 << 12)
    for (index_t i = 0; i < vectors * length; ++i) vector[i] = random.normal(i);
    orthonormalise(context.threads(), vectors, length, vector);
    const auto at = [&](index_t v, index_t i) { return vector[v * length + i]; };
    std::vector<T> values(static_cast<std::size_t>(rows * columns));
    for (index_t row = 0; row < rows; ++row)
      for (index_t column = 0; column < columns; ++column)
        values[static_cast<std::size_t>(row * columns + column)] =
            static_cast<T>(a * (rows <= columns ? at(row, column) : at(column, row)));
    x.assign_from_host(values);
  }
};

}  // namespace nash
