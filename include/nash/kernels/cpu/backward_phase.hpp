// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/image_operands.hpp"

namespace nash::cpu {

/// A convolution's backward_data for the pixels of one phase, (h + padding) mod stride = phase in both directions: they are seen by the
/// filter's taps phase, phase + stride, … and by no other. A convolution of dy, of stride 1.
template <class T>
class BackwardPhase {
 public:
  NASH_COLD BackwardPhase(const Conv2dGeometry& g, index_t phase_h, index_t phase_w, const T* w, T* dx)
      : down_{g.h, g.r, g.stride_h, g.padding_h, phase_h}, across_{g.w, g.s, g.stride_w, g.padding_w, phase_w},
        windows{.n = g.n, .h = g.p(), .w = g.q(), .c = g.o, .grid_h = down_.pixels, .grid_w = across_.pixels, .stride_h = 1, .stride_w = 1,
                .first_h = down_.first_result, .first_w = across_.first_result, .r = down_.taps, .s = across_.taps},
        filters(w, g, phase_h, phase_w, down_.taps, across_.taps),
        pixels(dx, {g.n, g.h, g.w, g.c}, across_.pixels, down_.first_pixel, across_.first_pixel, g.stride_h, g.stride_w) {}

 private:
  /// One direction, height or width.
  struct Direction {
    index_t first_pixel, pixels, taps;
    index_t first_result;  // that the first pixel's last tap sees, which may be on the padding

    Direction(index_t size, index_t filter, index_t stride, index_t padding, index_t phase)
        : first_pixel(((phase - padding) % stride + stride) % stride), pixels(steps(first_pixel, size, stride)), taps(steps(phase, filter, stride)),
          first_result((first_pixel + padding - phase) / stride - (taps - 1)) {}
  };

  Direction down_, across_;

 public:
  const Windows windows;           ///< of dy
  const PhaseFilters<T> filters;
  const GridPixels<T> pixels;      ///< of dx
};

}  // namespace nash::cpu
