// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/backward_phase.hpp"
#include "nash/kernels/cpu/gemm.hpp"
#include "nash/kernels/cpu/padded_images.hpp"
#include "nash/kernels/cpu/split_convolution.hpp"
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
      if constexpr (std::is_same_v<T, float>) {
        if (cpu::SplitConvolution::suits(context, g)) return cpu::SplitConvolution(context, g).forward(x, w, y, bias, epilogue);
        if (cpu::Winograd<T>::suits(context, g)) return cpu::Winograd<T>(context, g).forward(x, w, y, bias, epilogue);
      }
      const cpu::TransposedColumns<T> filters(w, g.o, taps(g));
      const auto multiply = [&](const cpu::LeftOperand<T>& windows, const cpu::ProductOutput<T>& results) {
        cpu::PackedProduct<T>(context, g.n * g.p() * g.q(), g.o, taps(g), windows, filters, results, bias, false, epilogue).run();
      };
      if (g.c <= thin && cpu::PaddedWindowRows<T>::suits(g)) return multiply(cpu::PaddedWindowRows<T>(context, x, g), cpu::MatrixOutput<T>(y, g.o));
      const auto zeros = context.template scratch<T>(g.c);
      std::fill_n(zeros.data(), g.c, T{0});
      multiply(cpu::WindowRows<T>(x, cpu::Windows::of(g), zeros.data()), cpu::GridPixels<T>(y, g));
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
      if (g.c <= thin) return spread(context, g, dy, w, dx, bias, epilogue);
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
  static constexpr index_t thin = 4;        // so few channels would leave most of a vector empty
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

  /// backward_data for images of few channels: what each gradient gives to each of its taps, as one product, then for each
  /// pixel the sum of what it was given. Some images at a time, so that what lies between stays in the cache.
  template <class T>
  NASH_COLD static void spread(Context<Cpu>& context, const Conv2dGeometry& g, const T* dy, const T* w, T* dx, const T* bias,
                               const cpu::Epilogue<T>& epilogue) {
    constexpr index_t cached = 1 << 20;  // values
    const index_t results = g.p() * g.q();
    const index_t images = std::clamp<index_t>(cached / (results * taps(g)), 1, g.n);
    const auto given = context.template scratch<T>(images * results * taps(g));
    for (index_t first = 0; first < g.n; first += images) {
      Conv2dGeometry part = g;
      part.n = std::min(images, g.n - first);
      GemmKernels<Cpu>::multiply(context, {.m = part.n * results, .n = taps(g), .k = g.o}, dy + first * results * g.o, w, given.data());
      collect(context, part, given.data(), dx + first * g.h * g.w * g.c, bias, epilogue);
    }
  }

  /// to[j·to_step + i] += from[j·from_step + i] for j < count, i < channels
  template <index_t channels, class T>
  static void add_pixels(const T* from, index_t from_step, index_t count, T* to, index_t to_step) {
    for (index_t j = 0; j < count; ++j, from += from_step, to += to_step)
      for (index_t i = 0; i < channels; ++i) to[i] += from[i];
  }

  /// dx[pixel] := bias + Σ over the taps that meet the pixel of given[result][tap].
  template <class T>
  static void collect(Context<Cpu>& context, const Conv2dGeometry& g, const T* given, T* dx, const T* bias, const cpu::Epilogue<T>& epilogue) {
    const index_t p = g.p(), q = g.q(), row_size = g.w * g.c;
    const auto bounds = context.template scratch<index_t>(2 * g.s);  // of the results whose tap s is in the image
    for (index_t s = 0; s < g.s; ++s) {
      bounds.data()[2 * s] = cpu::steps(0, std::max<index_t>(g.padding_w - s, 0), g.stride_w);
      bounds.data()[2 * s + 1] = std::min(q, cpu::steps(0, g.w + g.padding_w - s, g.stride_w));
    }
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (g.n * g.h * row_size > 4096)
    for (index_t line = 0; line < g.n * g.h; ++line) {
      const index_t image = line / g.h, h = line % g.h + g.padding_h;
      T* const row = dx + line * row_size;
      for (index_t i = 0; i < row_size; ++i) row[i] = bias != nullptr ? bias[i % g.c] : T{0};
      for (index_t r = h % g.stride_h; r < g.r && r <= h; r += g.stride_h) {
        const index_t line_of_results = (h - r) / g.stride_h;
        if (line_of_results >= p) continue;
        const T* const results = given + (image * p + line_of_results) * q * g.r * g.s * g.c;
        for (index_t s = 0; s < g.s; ++s) {
          const index_t first = bounds.data()[2 * s], end = bounds.data()[2 * s + 1];
          const T* const from = results + ((first * g.r + r) * g.s + s) * g.c;
          T* const to = row + (first * g.stride_w + s - g.padding_w) * g.c;
          const index_t from_step = g.r * g.s * g.c, to_step = g.stride_w * g.c;
          switch (g.c) {
            case 1: add_pixels<1>(from, from_step, end - first, to, to_step); break;
            case 2: add_pixels<2>(from, from_step, end - first, to, to_step); break;
            case 3: add_pixels<3>(from, from_step, end - first, to, to_step); break;
            default: add_pixels<thin>(from, from_step, end - first, to, to_step);
          }
        }
      }
      epilogue.apply(row, row_size);
    }
  }
};

}  // namespace nash
