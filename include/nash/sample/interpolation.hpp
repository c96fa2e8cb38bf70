// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/kernels/row_sums.hpp"
#include "nash/model/latent.hpp"

namespace nash {

enum class Interpolation {
  linear,     ///< (1 − t)·a + t·b: its middle is shorter than its ends, where a generator of normal latents has hardly been
  spherical,  ///< (sin((1 − t)·θ)·a + sin(t·θ)·b) / sin θ, θ the angle between a and b: the great circle. White 2016, section 2.1
};

/// out := the path of row i / (steps·size) at t = step/(steps − 1). For spherical paths the squared lengths and the inner product of each pair.
template <class T>
struct InterpolateRows {
  bool spherical;
  index_t steps, size;
  const T* a;
  const T* b;
  const double* squares_a;
  const double* squares_b;
  const double* products;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t row = i / (steps * size), step = i / size % steps, from = row * size + i % size;
    const double t = steps == 1 ? 0.0 : static_cast<double>(step) / static_cast<double>(steps - 1);
    double of_a = 1 - t, of_b = t;
    if (spherical) {
      const double cosine = products[row] / std::sqrt(squares_a[row] * squares_b[row]);
      const double angle = std::acos(cosine > 1 ? 1.0 : cosine < -1 ? -1.0 : cosine), sine = std::sin(angle);
      if (sine > 1e-9) {  // else a line: of one direction that is the circle, of opposite ones there is none
        of_a = std::sin((1 - t) * angle) / sine;
        of_b = std::sin(t * angle) / sine;
      }
    }
    out[i] = static_cast<T>(of_a * static_cast<double>(a[from]) + of_b * static_cast<double>(b[from]));
  }
};

/// Latents on the way from each row of a to that of b, both ends included: N·steps × D, row by row, as rows of a grid of samples.
template <class T, class Device>
NASH_COLD Tensor<T, Device> interpolate(Context<Device>& context, const Tensor<T, Device>& a, const Tensor<T, Device>& b, index_t steps,
                                        Interpolation interpolation = Interpolation::spherical) {
  if (a.shape().rank() != 2 || a.shape() != b.shape())
    throw ShapeError("interpolate", "two tensors N×D of latents", concat({a.shape(), " and ", b.shape()}), "draw as many ends as beginnings");
  if (steps < 2) throw ShapeError("interpolate", "at least 2 steps, the ends", concat({steps}), "use 8");
  const index_t rows = a.shape()[0], size = a.shape()[1];
  const auto sums = context.template scratch<double>(3 * rows);
  double *const squares_a = sums.data(), *const squares_b = squares_a + rows, *const products = squares_b + rows;
  sum_rows(context, rows, size, Square<T>{a.data()}, squares_a);
  sum_rows(context, rows, size, Square<T>{b.data()}, squares_b);
  sum_rows(context, rows, size, Product<T>{a.data(), b.data()}, products);
  Tensor<T, Device> path(Shape{rows * steps, size});
  pointwise(context, path.count(),
            InterpolateRows<T>{interpolation == Interpolation::spherical, steps, size, a.data(), b.data(), squares_a, squares_b, products, path.data()});
  return path;
}

}  // namespace nash
