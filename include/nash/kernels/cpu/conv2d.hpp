// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/backward_phase.hpp"
#include "nash/kernels/cpu/gemm.hpp"
#include "nash/kernels/cpu/split_convolution.hpp"
#include "nash/kernels/cpu/thin_convolution.hpp"
#include "nash/kernels/cpu/winograd.hpp"
#include "nash/kernels/reference/conv2d.hpp"

namespace nash {

/// Convolution as a matrix product whose operands are read from the images themselves: nothing is unrolled in memory, and taps
/// on the padding cost nothing.
///
///     forward           [results × taps·C] · [taps·C × O]
///     backward_data     the same for each phase of the pixel within the stride, with the taps that meet that phase
///     backward_weights  [taps·C × results] · [results × O], transposed into the filters
template <>
struct Conv2dKernels<Cpu> {
  template <class T>
  NASH_COLD static void forward(Context<Cpu>& context, const Conv2dGeometry& g, const T* x, const T* w, T* y, const T* bias = nullptr,
                                const cpu::Epilogue<T>& epilogue = {}) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::forward(context, g, x, w, y, bias);
      epilogue.apply_to_all(context, g.output_shape().count());
    } else {
      if (g.n == 0) return;
      if (sees_all(g)) return GemmKernels<Cpu>::multiply(context, {.m = g.n, .n = g.o, .k = taps(g), .transpose_b = true}, x, w, y, bias, epilogue);
      if (cpu::ThinConvolution<T>::suits(g)) return cpu::ThinConvolution<T>(context, g).forward(x, w, y, bias, epilogue);
      if constexpr (std::is_same_v<T, float>) {
        if (cpu::SplitConvolution::suits(context, g)) return cpu::SplitConvolution(context, g).forward(x, w, y, bias, epilogue);
        if (cpu::Winograd<T>::suits(context, g)) return cpu::Winograd<T>(context, g).forward(x, w, y, bias, epilogue);
      }
      const cpu::TransposedColumns<T> filters(w, g.o, taps(g));
      const auto zeros = context.template scratch<T>(g.c);
      std::fill_n(zeros.data(), g.c, T{0});
      const cpu::WindowRows<T> windows(x, cpu::Windows::of(g), zeros.data());
      const cpu::GridPixels<T> results(y, g);
      cpu::PackedProduct<T>(context, g.n * g.p() * g.q(), g.o, taps(g), windows, filters, results, bias, false, epilogue).run();
    }
  }

  template <class T>
  NASH_COLD static void backward_data(Context<Cpu>& context, const Conv2dGeometry& g, const T* dy, const T* w, T* dx,
                                      const T* bias = nullptr, const cpu::Epilogue<T>& epilogue = {}) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::backward_data(context, g, dy, w, dx, bias);
      epilogue.apply_to_all(context, g.image_shape().count());
    } else {
      if (g.n == 0) return;
      if (sees_all(g) && bias == nullptr)
        return GemmKernels<Cpu>::multiply(context, {.m = g.n, .n = taps(g), .k = g.o}, dy, w, dx, static_cast<const T*>(nullptr), epilogue);
      if (cpu::ThinConvolution<T>::suits_backward_data(g)) return cpu::ThinConvolution<T>(context, g).backward_data(dy, w, dx, bias, epilogue);
      if constexpr (std::is_same_v<T, float>) {
        if (cpu::SplitConvolution::suits(context, g)) return cpu::SplitConvolution(context, g).backward_data(dy, w, dx, bias, epilogue);
        if (cpu::Winograd<T>::suits(context, g)) return cpu::Winograd<T>(context, g).backward_data(dy, w, dx, bias, epilogue);
      }
      const auto zeros = context.template scratch<T>(g.o);
      std::fill_n(zeros.data(), g.o, T{0});
      constexpr std::size_t most = cpu::PackedProduct<T>::most_together;
      const index_t phases = g.stride_h * g.stride_w;
      for (index_t first = 0; first < phases; first += most) {
        std::optional<PhaseProduct<T>> together[most];
        cpu::PackedProduct<T>* products[most];
        const std::size_t count = static_cast<std::size_t>(std::min<index_t>(most, phases - first));
        for (std::size_t i = 0; i < count; ++i) {
          const index_t phase = first + static_cast<index_t>(i);
          products[i] = &together[i].emplace(context, g, phase, dy, w, zeros.data(), dx, bias, epilogue).product;
        }
        cpu::PackedProduct<T>::run_together(context, {products, count});
      }
    }
  }

  template <class T>
  NASH_COLD static void backward_weights(Context<Cpu>& context, const Conv2dGeometry& g, const T* x, const T* dy, T* dw, bool accumulate = true) {
    if constexpr (!has_vector_kernels<T>) {
      Conv2dKernels<Reference>::backward_weights(context, g, x, dy, dw, accumulate);
    } else {
      if (g.n == 0) {
        if (!accumulate) std::fill_n(dw, g.filter_shape().count(), T{0});
        return;
      }
      if (sees_all(g))
        return GemmKernels<Cpu>::multiply(context, {.m = g.o, .n = taps(g), .k = g.n, .transpose_a = true, .accumulate = accumulate}, dy, x, dw);
      if (cpu::ThinConvolution<T>::suits(g)) return cpu::ThinConvolution<T>(context, g).backward_weights(x, dy, dw, accumulate);
      if constexpr (std::is_same_v<T, float>) {
        if (cpu::SplitConvolution::suits(context, g)) return cpu::SplitConvolution(context, g).backward_weights(x, dy, dw, accumulate);
        if (cpu::Winograd<T>::suits(context, g)) return cpu::Winograd<T>(context, g).backward_weights(x, dy, dw, accumulate);
      }
      const auto transposed = context.template scratch<T>(taps(g) * g.o);
      if (g.q() < short_row && g.c >= cpu::max_tile_rows)
        multiply_windows<T>(context, g, cpu::GatheredWindowColumns<T>(x, cpu::Windows::of(g)), cpu::ResultRows<T>(dy, g), transposed.data());
      else
        multiply_windows<T>(context, g, cpu::WindowColumns<T>(x, cpu::Windows::of(g), &zero<T>), cpu::MatrixColumns<T>(dy, g.o), transposed.data());
      cpu::transpose_into(context, transposed.data(), g.o, taps(g), dw, static_cast<const T*>(nullptr), accumulate);
    }
  }

 private:
  static constexpr index_t short_row = 16;  // results: so few are not worth a start of the micro-kernel each

  template <class T>
  static constexpr T zero{0};

  /// One phase of backward_data as a product of windows that are read where they lie.
  template <class T>
  struct PhaseProduct {
    NASH_COLD PhaseProduct(Context<Cpu>& context, const Conv2dGeometry& g, index_t phase, const T* dy, const T* w, const T* zeros, T* dx, const T* bias,
                           const cpu::Epilogue<T>& epilogue)
        : geometry(g, phase / g.stride_w, phase % g.stride_w, w, dx), patches(dy, geometry.windows, zeros),
          product(context, geometry.windows.results(), g.c, geometry.windows.taps(), patches, geometry.filters, geometry.pixels, bias, false, epilogue) {}
    PhaseProduct(const PhaseProduct&) = delete;
    PhaseProduct& operator=(const PhaseProduct&) = delete;

    cpu::BackwardPhase<T> geometry;
    cpu::WindowRows<T> patches;
    cpu::PackedProduct<T> product;
  };

  template <class T>
  NASH_COLD static void multiply_windows(Context<Cpu>& context, const Conv2dGeometry& g, const cpu::LeftOperand<T>& patches,
                                         const cpu::RightOperand<T>& gradients, T* transposed) {
    const cpu::MatrixOutput<T> filters(transposed, g.o);
    cpu::PackedProduct<T>(context, taps(g), g.o, g.n * g.p() * g.q(), patches, gradients, filters, nullptr, false).run();
  }

  static index_t taps(const Conv2dGeometry& g) { return g.r * g.s * g.c; }
  /// Whether each filter sees a whole image: then images are rows of a matrix, and the convolution is a dense layer.
  static bool sees_all(const Conv2dGeometry& g) { return g.r == g.h && g.s == g.w && g.padding_h == 0 && g.padding_w == 0; }
};

}  // namespace nash
