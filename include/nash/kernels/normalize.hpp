// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/kernels/pointwise.hpp"
#include "nash/kernels/reduce.hpp"

namespace nash {

/// The functors of batch normalisation over a matrix of rows × channels. With means over the rows of each channel:
///
///     x̂ = (x − mean)·rstd,   y = scale·x̂ + shift                         Ioffe and Szegedy 2015, algorithm 1
///
/// Every value per channel is an array of `channels` elements.

/// Σ (x − mean)²
template <class T>
struct CentredSquares {
  static constexpr int sums = 1;
  const T* x;
  const T* mean;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c, T* terms) const {
    const T centred = x[i] - mean[c];
    terms[0] = centred * centred;
  }
};

/// variance := Σ(x − mean)² / rows,   rstd := 1 / √(variance + epsilon)
template <class T>
struct VarianceFromSums {
  static constexpr bool scalar_work = true;
  T inverse_rows, epsilon;
  T* variance;
  T* rstd;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    variance[c] *= inverse_rows;
    rstd[c] = T{1} / std::sqrt(variance[c] + epsilon);
  }
};

/// rstd := 1 / √(variance + epsilon)
template <class T>
struct InverseDeviation {
  static constexpr bool scalar_work = true;
  const T* variance;
  T epsilon;
  T* rstd;
  NASH_HOST_DEVICE void operator()(index_t c) const { rstd[c] = T{1} / std::sqrt(variance[c] + epsilon); }
};

/// The function that leaves values as they are.
template <class T>
struct IdentityFunction {
  NASH_HOST_DEVICE T value(T x) const { return x; }
};

/// y := f(scale·(x − mean)·rstd + shift), where f is an activation of the same pass over memory
template <class T, class Function = IdentityFunction<T>>
struct Normalize {
  Function f;
  const T* x;
  const T* mean;
  const T* rstd;
  const T* scale;
  const T* shift;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const { y[i] = f.value(scale[c] * ((x[i] - mean[c]) * rstd[c]) + shift[c]); }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.x), visit.writes(self.y);
    visit.reads_column(self.mean), visit.reads_column(self.rstd), visit.reads_column(self.scale), visit.reads_column(self.shift);
  }
};

/// running := (1 − momentum)·running + momentum·batch, of means and of variances, the batch's of which are made unbiased by a factor
template <class T>
struct MoveRunning {
  static constexpr bool scalar_work = true;
  const T* mean;
  const T* variance;
  T momentum, unbiased;
  T* running_mean;
  T* running_variance;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    running_mean[c] = (T{1} - momentum) * running_mean[c] + momentum * mean[c];
    running_variance[c] = (T{1} - momentum) * running_variance[c] + momentum * unbiased * variance[c];
  }
};

/// The gradients of shift and scale += Σ dy and Σ dy·x̂, which follow each other, or := where they do not add
template <class T>
struct AccumulateShiftAndScale {
  const T* sums;
  index_t channels;
  T* shift;
  T* scale;
  bool adds_to_shift, adds_to_scale;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    shift[c] = adds_to_shift ? shift[c] + sums[c] : sums[c];
    scale[c] = adds_to_scale ? scale[c] + sums[channels + c] : sums[channels + c];
  }
};

/// A cotangent or a tangent d as it is stored.
template <class T>
struct StoredValues {
  const T* d;
  NASH_HOST_DEVICE T operator()(index_t i) const { return d[i]; }
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    visit.reads(self.d);
  }
};

/// Σ d and Σ d·x̂
template <class T, class Values>
struct NormalizedSums {
  static constexpr int sums = 2;
  Values d;
  const T* x;
  const T* mean;
  const T* rstd;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c, T* terms) const {
    const T value = d(i);
    terms[0] = value;
    terms[1] = value * ((x[i] - mean[c]) * rstd[c]);
  }
};

/// out := scale·rstd·(d − Σd/rows − x̂·Σ(d·x̂)/rows): the Jacobian of batch normalisation, which is symmetric, times d.
template <class T, class Values>
struct NormalizeJacobian {
  Values d;
  const T* x;
  const T* mean;
  const T* rstd;
  const T* scale;
  const T* sum_d;
  const T* sum_d_normalized;
  T inverse_rows;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const {
    const T normalized = (x[i] - mean[c]) * rstd[c];
    out[i] = scale[c] * rstd[c] * (d(i) - inverse_rows * (sum_d[c] + normalized * sum_d_normalized[c]));
  }
  using Element = T;
  template <class Self, class Visitor>
  NASH_HOST_DEVICE static void visit_operands(Self& self, Visitor& visit) {
    Values::visit_operands(self.d, visit);
    visit.reads(self.x), visit.writes(self.out), visit.reads_column(self.mean), visit.reads_column(self.rstd);
    visit.reads_column(self.scale), visit.reads_column(self.sum_d), visit.reads_column(self.sum_d_normalized);
  }
};

/// out := scale·rstd·d: the same where mean and rstd are constants
template <class T>
struct ScaleChannels {
  const T* rstd;
  const T* scale;
  const T* d;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const { out[i] = scale[c] * rstd[c] * d[i]; }
};

/// Of δ and ẋ: Σ δ, Σ δ·x̂, Σ ẋ, Σ ẋ·x̂, Σ δ·ẋ
template <class T>
struct SecondOrderSums {
  static constexpr int sums = 5;
  const T* x;
  const T* mean;
  const T* rstd;
  const T* delta;
  const T* tangent;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c, T* terms) const {
    const T normalized = (x[i] - mean[c]) * rstd[c];
    terms[0] = delta[i];
    terms[1] = delta[i] * normalized;
    terms[2] = tangent[i];
    terms[3] = tangent[i] * normalized;
    terms[4] = delta[i] * tangent[i];
  }
};

/// With the means m(·) of the five sums above, S = ⟨δ, J·ẋ⟩ = scale·rstd·rows·(m(δẋ) − m(δ)m(ẋ) − m(δx̂)m(ẋx̂)):
///
///     x̄ += ∂S/∂x = −S·rstd·x̂/rows − scale·rstd²·( (δ − m(δ) − x̂·m(δx̂))·m(ẋx̂) + (ẋ − m(ẋ) − x̂·m(ẋx̂))·m(δx̂) )
///
/// derived in docs/math/batch_norm.md.
template <class T>
struct SecondOrderInput {
  const T* x;
  const T* mean;
  const T* rstd;
  const T* scale;
  const T* delta;
  const T* tangent;
  const T* sums;  // 5 × channels
  index_t channels;
  T inverse_rows;
  T* x_bar;
  NASH_HOST_DEVICE void operator()(index_t i, index_t c) const {
    const T r = rstd[c], normalized = (x[i] - mean[c]) * r;
    const T m_delta = sums[c] * inverse_rows, m_delta_n = sums[channels + c] * inverse_rows;
    const T m_tangent = sums[2 * channels + c] * inverse_rows, m_tangent_n = sums[3 * channels + c] * inverse_rows;
    const T covariance = sums[4 * channels + c] * inverse_rows - m_delta * m_tangent - m_delta_n * m_tangent_n;
    const T from_delta = (delta[i] - m_delta - normalized * m_delta_n) * m_tangent_n;
    const T from_tangent = (tangent[i] - m_tangent - normalized * m_tangent_n) * m_delta_n;
    x_bar[i] -= scale[c] * r * r * (normalized * covariance + from_delta + from_tangent);
  }
};

/// gradient += ∂S/∂scale = rstd·rows·(m(δẋ) − m(δ)m(ẋ) − m(δx̂)m(ẋx̂))
template <class T>
struct SecondOrderScale {
  const T* rstd;
  const T* sums;
  index_t channels;
  T inverse_rows;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t c) const {
    const T coupled = sums[c] * sums[2 * channels + c] + sums[channels + c] * sums[3 * channels + c];
    gradient[c] += rstd[c] * (sums[4 * channels + c] - inverse_rows * coupled);
  }
};

/// gradient += rstd·Σ(δ·ẋ): the same where mean and rstd are constants
template <class T>
struct SecondOrderScaleConstant {
  const T* rstd;
  const T* sum;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t c) const { gradient[c] += rstd[c] * sum[c]; }
};

/// Σ x·y a column
template <class T>
struct ColumnProduct {
  static constexpr int sums = 1;
  const T* x;
  const T* y;
  NASH_HOST_DEVICE void operator()(index_t i, index_t, T* terms) const { terms[0] = x[i] * y[i]; }
};

}  // namespace nash
