// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/image_operands.hpp"

namespace nash::cpu {

/// A convolution's backward_data for the pixels of one phase, (h + padding) mod stride = phase in both directions: they are seen by the
/// filter's taps phase, phase + stride, … and by no other.
template <class T>
class BackwardPhase {
 public:
  NASH_COLD BackwardPhase(Context<Cpu>& context, const Conv2dGeometry& g, index_t phase_h, index_t phase_w, const T* dy, const T* w, const T* zeros, T* dx,
                          const T* bias, const Epilogue<T>& epilogue)
      : down_{g.h, g.r, g.stride_h, g.padding_h, phase_h}, across_{g.w, g.s, g.stride_w, g.padding_w, phase_w},
        windows_{.n = g.n, .h = g.p(), .w = g.q(), .c = g.o, .grid_h = down_.pixels, .grid_w = across_.pixels, .stride_h = 1, .stride_w = 1,
                 .first_h = down_.first_result, .first_w = across_.first_result, .r = down_.taps, .s = across_.taps},
        patches_(dy, windows_, zeros), filters_(w, g, phase_h, phase_w, down_.taps, across_.taps),
        pixels_(dx, {g.n, g.h, g.w, g.c}, across_.pixels, down_.first_pixel, across_.first_pixel, g.stride_h, g.stride_w),
        product_(context, windows_.results(), g.c, windows_.taps(), patches_, filters_, pixels_, bias, false, epilogue) {}
  BackwardPhase(const BackwardPhase&) = delete;
  BackwardPhase& operator=(const BackwardPhase&) = delete;

  PackedProduct<T>& product() { return product_; }

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
  Windows windows_;
  WindowRows<T> patches_;
  PhaseFilters<T> filters_;
  GridPixels<T> pixels_;
  PackedProduct<T> product_;
};

}  // namespace nash::cpu
