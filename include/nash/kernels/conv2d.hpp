// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// A two-dimensional convolution (cross-correlation) of N×H×W×C images with O×R×S×C filters to N×P×Q×O images:
///
///     y[n,p,q,o] = Σ_{r,s,c} x[n, p·stride + r − padding, q·stride + s − padding, c] · w[o,r,s,c]
///
/// where x is zero outside of the image.
struct Conv2dGeometry {
  index_t n = 0;                         ///< images in the batch
  index_t h = 0, w = 0, c = 0;           ///< the image: height, width, channels
  index_t o = 0;                         ///< filters, that is output channels
  index_t r = 1, s = 1;                  ///< filter height and width
  index_t stride_h = 1, stride_w = 1;    ///< at least 1
  index_t padding_h = 0, padding_w = 0;  ///< zeros on each side, at least 0

  constexpr index_t p() const { return (h + 2 * padding_h - r) / stride_h + 1; }
  constexpr index_t q() const { return (w + 2 * padding_w - s) / stride_w + 1; }

  constexpr Shape image_shape() const { return {n, h, w, c}; }
  constexpr Shape filter_shape() const { return {o, r, s, c}; }
  constexpr Shape output_shape() const { return {n, p(), q(), o}; }

  /// Multiply-adds of one direction, taps on the padding included.
  constexpr index_t multiply_adds() const { return n * p() * q() * o * r * s * c; }
};

/// Convolutions in three directions, specialised per device:
///
///     static void forward(Context<Device>&, const Conv2dGeometry&, const T* x, const T* w, T* y, const T* bias = nullptr);
///     static void backward_data(Context<Device>&, const Conv2dGeometry&, const T* dy, const T* w, T* dx, const T* bias = nullptr);
///     static void backward_weights(Context<Device>&, const Conv2dGeometry&, const T* x, const T* dy, T* dw, bool accumulate = true);
///
/// requires  p() ≥ 1, q() ≥ 1, no result overlaps an operand
/// ensures   forward:           y  := w ∗ x + bias                (bias: o values)
///           backward_data:     dx := ∇ₓ ⟨dy, w ∗ x⟩ + bias       (bias: c values), which is also a transposed convolution's forward
///           backward_weights:  dw += ∇_w ⟨dy, w ∗ x⟩               (:= where not accumulate)
///           with the same bits whatever the number of threads
template <class Device>
struct Conv2dKernels : NoKernels<Device> {};

}  // namespace nash
