// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"

namespace nash {

template <>
struct Conv2dKernels<Reference> {
  template <class T, class Device>
  static void forward(Context<Device>&, const Conv2dGeometry& g, const T* x, const T* w, T* y, const T* bias = nullptr) {
    for (index_t i = 0; i < g.output_shape().count(); ++i) y[i] = bias != nullptr ? bias[i % g.o] : T{0};
    for_each_product(g, [&](index_t image, index_t filter, index_t output) { y[output] += x[image] * w[filter]; });
  }

  template <class T, class Device>
  static void backward_data(Context<Device>&, const Conv2dGeometry& g, const T* dy, const T* w, T* dx, const T* bias = nullptr) {
    for (index_t i = 0; i < g.image_shape().count(); ++i) dx[i] = bias != nullptr ? bias[i % g.c] : T{0};
    for_each_product(g, [&](index_t image, index_t filter, index_t output) { dx[image] += dy[output] * w[filter]; });
  }

  template <class T, class Device>
  static void backward_weights(Context<Device>&, const Conv2dGeometry& g, const T* x, const T* dy, T* dw, bool accumulate = true) {
    for (index_t i = 0; !accumulate && i < g.filter_shape().count(); ++i) dw[i] = T{0};
    for_each_product(g, [&](index_t image, index_t filter, index_t output) { dw[filter] += dy[output] * x[image]; });
  }

 private:
  /// Calls product(i, j, k) for every term x[i]·w[j] of every y[k].
  template <class Function>
  static void for_each_product(const Conv2dGeometry& g, const Function& product) {
    for (index_t n = 0; n < g.n; ++n)
      for (index_t p = 0; p < g.p(); ++p)
        for (index_t q = 0; q < g.q(); ++q)
          for (index_t o = 0; o < g.o; ++o)
            for (index_t r = 0; r < g.r; ++r)
              for (index_t s = 0; s < g.s; ++s) {
                const index_t h = p * g.stride_h + r - g.padding_h, w = q * g.stride_w + s - g.padding_w;
                if (h < 0 || h >= g.h || w < 0 || w >= g.w) continue;
                for (index_t c = 0; c < g.c; ++c)
                  product(((n * g.h + h) * g.w + w) * g.c + c, ((o * g.r + r) * g.s + s) * g.c + c,
                          ((n * g.p() + p) * g.q() + q) * g.o + o);
              }
  }
};

}  // namespace nash
