// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/gpu/gemm.hpp"

namespace nash {
namespace gpu {

/// The sizes of a convolution as kernels need them: 32 bits, with divisors. p×q are the results of an image.
struct ConvSizes {
  int h, w, c, r, s, p, q, stride_h, stride_w, padding_h, padding_w;

  static ConvSizes of(const Conv2dGeometry& g) {
    const auto narrow = [](index_t size) { return static_cast<int>(size); };
    return {narrow(g.h), narrow(g.w), narrow(g.c), narrow(g.r), narrow(g.s), narrow(g.p()), narrow(g.q()),
            narrow(g.stride_h), narrow(g.stride_w), narrow(g.padding_h), narrow(g.padding_w)};
  }
};

/// patches[(n,p,q)][(r,s,c)] := x[n, p·stride + r − padding, q·stride + s − padding, c], zero outside of the image, for so many
/// neighbouring channels at a time
template <class T, int lanes>
struct GatherPatches {
  ConvSizes size;
  Divisor c, s, r, q, p;
  const T* x;
  T* patches;

  NASH_HOST_DEVICE void operator()(index_t i) const {
    std::uint32_t rest = static_cast<std::uint32_t>(i);
    const int channel = static_cast<int>(c.split(rest)) * lanes, tap_w = static_cast<int>(s.split(rest)), tap_h = static_cast<int>(r.split(rest));
    const int column = static_cast<int>(q.split(rest)), row = static_cast<int>(p.split(rest));
    const int h = row * size.stride_h + tap_h - size.padding_h, w = column * size.stride_w + tap_w - size.padding_w;
    const bool inside = h >= 0 && h < size.h && w >= 0 && w < size.w;
    Vector<T, lanes> values{};
    if (inside) values = Vector<T, lanes>::load(x + ((static_cast<index_t>(rest) * size.h + h) * size.w + w) * size.c + channel);
    values.store(patches + i * lanes);
  }
};

/// dx[n,h,w,c] := bias[c] + Σ of patches[(n,p,q)][(r,s,c)] over the taps that lie on the pixel: the adjoint of GatherPatches,
/// with a thread for each pixel and channel, or some neighbouring ones, which adds in a fixed order.
template <class T, int lanes>
struct CollectPatches {
  ConvSizes size;
  Divisor c, w, h, stride_w, stride_h;
  const T* patches;
  const T* bias;
  T* dx;

  NASH_HOST_DEVICE void operator()(index_t i) const {
    std::uint32_t rest = static_cast<std::uint32_t>(i);
    const int channel = static_cast<int>(c.split(rest)) * lanes;
    const int column = static_cast<int>(w.split(rest)) + size.padding_w, row = static_cast<int>(h.split(rest)) + size.padding_h;
    Vector<T, lanes> total{};
    if (bias != nullptr) total = Vector<T, lanes>::load(bias + channel);
    // The taps r with (row − r) a multiple of the stride: row mod stride, and so on; result p = (row − r) / stride.
    std::uint32_t last_p = static_cast<std::uint32_t>(row), last_q = static_cast<std::uint32_t>(column);
    const int first_r = static_cast<int>(stride_h.split(last_p)), first_s = static_cast<int>(stride_w.split(last_q));
    int p = static_cast<int>(last_p);
    for (int r = first_r; r < size.r && p >= 0; r += size.stride_h, --p) {
      if (p >= size.p) continue;
      int q = static_cast<int>(last_q);
      for (int s = first_s; s < size.s && q >= 0; s += size.stride_w, --q) {
        if (q >= size.q) continue;
        const index_t result = (static_cast<index_t>(rest) * size.p + p) * size.q + q;
        const auto part = Vector<T, lanes>::load(patches + ((result * size.r + r) * size.s + s) * size.c + channel);
        for (int j = 0; j < lanes; ++j) total.values[j] += part.values[j];
      }
    }
    total.store(dx + i * lanes);
  }
};

/// Whether cuDNN is quicker in all directions, with products in TF32: on an H200 it took 0.47 to 0.90 of the time of nash's kernels for
/// dcgan64's d2, d3 and d4 at a batch of 64, and up to ten times that of small ones. Exact ones take it 1.1 to 5.7 times as long.
inline bool is_quicker_in_library(const Conv2dGeometry& g) {
  constexpr index_t least_work = index_t{1} << 30, least_results = 1024, least_channels = 32;
  return g.multiply_adds() >= least_work && g.n * g.p() * g.q() >= least_results && std::min(g.c, g.o) >= least_channels;
}

/// Whether the library is to do it.
inline bool wants_library(LibraryConvolutions which, bool exact, const Conv2dGeometry& g) {
  return which == LibraryConvolutions::all || (which == LibraryConvolutions::large && !exact && is_quicker_in_library(g));
}

/// Conv2dKernels of a GPU. Where its library has the convolution, that is used. Else it is a product of matrices with the patches of
/// some images, which are laid out in memory for as many images at a time as fit into a piece of scratch memory.
///
///     forward             y   := patches(x)·Wᵀ
///     backward_data       dx  := collected(dy·W)
///     backward_weights    dW (+)= dyᵀ·patches(x)
template <class Device>
struct Conv2dKernels {
  template <class T>
  static void forward(Context<Device>& context, const Conv2dGeometry& g, const T* x, const T* w, T* y, const T* bias = nullptr) {
    if (runs_in_library(context, Direction::forward, g, x, w, y, false, results(g), g.o, bias)) return;
    for_pieces<T>(context, g, [&](const Conv2dGeometry& piece, index_t first, T* memory) {
      const T* const patches = patches_of(context, piece, x + first * image(g), memory);
      multiply(context, {.m = results(piece), .n = g.o, .k = taps(g), .transpose_b = true}, patches, w, y + first * output(g), bias);
    });
  }

  template <class T>
  static void backward_data(Context<Device>& context, const Conv2dGeometry& g, const T* dy, const T* w, T* dx, const T* bias = nullptr) {
    if (runs_in_library(context, Direction::backward_data, g, dy, w, dx, false, g.n * g.h * g.w, g.c, bias)) return;
    for_pieces<T>(context, g, [&](const Conv2dGeometry& piece, index_t first, T* memory) {
      T* const to = dx + first * image(g);
      const bool direct = patches_are_images(g) && bias == nullptr;
      multiply<T>(context, {.m = results(piece), .n = taps(g), .k = g.o}, dy + first * output(g), w, direct ? to : memory);
      if (!direct) with_lanes<T>(g, {memory, bias, to}, [&](auto count) {
        constexpr int lanes = decltype(count)::value;
        PointwiseKernels<Device>::for_each(context, piece.n * image(g) / lanes,
                                    CollectPatches<T, lanes>{ConvSizes::of(g), Divisor(g.c / lanes), Divisor(g.w), Divisor(g.h), Divisor(g.stride_w),
                                                             Divisor(g.stride_h), memory, bias, to});
      });
    });
  }

  template <class T>
  static void backward_weights(Context<Device>& context, const Conv2dGeometry& g, const T* x, const T* dy, T* dw, bool accumulate = true) {
    if (g.n == 0 && !accumulate) PointwiseKernels<Device>::for_each(context, g.filter_shape().count(), Fill<T>{dw, T{0}});
    if (runs_in_library<T>(context, Direction::backward_weights, g, x, dy, dw, accumulate)) return;
    for_pieces<T>(context, g, [&](const Conv2dGeometry& piece, index_t first, T* memory) {
      const T* const patches = patches_of(context, piece, x + first * image(g), memory);
      multiply<T>(context, {.m = g.o, .n = taps(g), .k = results(piece), .transpose_a = true, .accumulate = accumulate || first > 0},
               dy + first * output(g), patches, dw);
    });
  }

 private:
  using Direction = LibraryConvolution::Direction;

  static constexpr index_t most_patch_values = 1 << 25;  // 128 MiB of floats: a DCGAN's layers at batch 128 in one piece
  static constexpr std::size_t workspace_alignment = 256;      // what cudaMalloc promises, which libraries may count on

  static index_t taps(const Conv2dGeometry& g) { return g.r * g.s * g.c; }
  static index_t results(const Conv2dGeometry& g) { return g.n * g.p() * g.q(); }
  static index_t image(const Conv2dGeometry& g) { return g.h * g.w * g.c; }
  static index_t output(const Conv2dGeometry& g) { return g.p() * g.q() * g.o; }

  /// Whether the patches in their order are the images as they lie: filters of one pixel, or as large as an image.
  static bool patches_are_images(const Conv2dGeometry& g) {
    const bool unpadded = g.padding_h == 0 && g.padding_w == 0;
    return unpadded && ((g.r == 1 && g.s == 1 && g.stride_h == 1 && g.stride_w == 1) || (g.r == g.h && g.s == g.w));
  }

  static bool is_aligned(const void* operand) { return reinterpret_cast<std::uintptr_t>(operand) % LibraryConvolution::alignment == 0; }

  /// Has the device's library do it, where there is one that can; views of parameters may begin where it can't. Results of channels each
  /// begin as the bias, where there is one.
  template <class T>
  static bool runs_in_library([[maybe_unused]] Context<Device>& context, [[maybe_unused]] Direction direction, [[maybe_unused]] const Conv2dGeometry& g,
                              [[maybe_unused]] const T* a, [[maybe_unused]] const T* b, [[maybe_unused]] T* result, [[maybe_unused]] bool accumulate,
                              [[maybe_unused]] index_t results = 0, [[maybe_unused]] index_t channels = 0, [[maybe_unused]] const T* bias = nullptr) {
    if constexpr (std::is_same_v<T, float>) {
      if (g.n == 0 || !wants_library(context.library_convolutions(), context.exact_products(), g) || !is_aligned(a) || !is_aligned(b) || !is_aligned(result)) return false;
      const LibraryConvolution::Problem problem{.direction = direction, .exact = context.exact_products(),
                                                .adds = bias != nullptr || accumulate,
                                                .n = g.n, .h = g.h, .w = g.w, .c = g.c, .o = g.o, .r = g.r, .s = g.s, .p = g.p(), .q = g.q(),
                                                .stride_h = g.stride_h, .stride_w = g.stride_w, .padding_h = g.padding_h, .padding_w = g.padding_w};
      const std::optional<std::size_t> bytes = context.gpu().stream().convolution_workspace(problem);
      if (!bytes) return false;
      if (bias != nullptr) PointwiseKernels<Device>::for_each_in_rows(context, results, channels, RepeatRow<T>{bias, result});
      const auto memory = context.template scratch<std::byte>(static_cast<index_t>(*bytes + workspace_alignment));
      const std::size_t skipped = (workspace_alignment - reinterpret_cast<std::uintptr_t>(memory.data()) % workspace_alignment) % workspace_alignment;
      context.add(LibraryConvolution{.problem = problem, .a = a, .b = b, .result = result, .workspace = memory.data() + skipped, .workspace_bytes = *bytes});
      return true;
    } else {
      return false;
    }
  }

  /// f(geometry of some images, the first of them, memory for their patches)
  template <class T, class Function>
  static void for_pieces(Context<Device>& context, const Conv2dGeometry& g, const Function& f) {
    if (g.n == 0) return;
    const index_t per_image = g.p() * g.q() * taps(g), largest = std::max({per_image, image(g), output(g)});
    if (largest > Divisor::most)
      throw ShapeError("Conv2d", concat({"images whose patches are at most ", Divisor::most, " values on a GPU"}), concat({largest}),
                       "use smaller images, filters or numbers of channels");
    const index_t images = std::clamp<index_t>(most_patch_values / largest, 1, g.n);
    const auto memory = context.template scratch<T>(images * per_image);
    for (index_t first = 0; first < g.n; first += images) {
      Conv2dGeometry piece = g;
      piece.n = std::min(images, g.n - first);
      f(piece, first, memory.data());
    }
  }

  /// f(how many channels a thread takes): 16 bytes of them where these do not break a pixel, and the operands are aligned
  template <class T, class Function>
  static void with_lanes(const Conv2dGeometry& g, std::initializer_list<const T*> operands, const Function& f) {
    constexpr int lanes = Vector<T>::lanes;
    bool aligned = g.c % lanes == 0;
    for (const T* operand : operands) aligned = aligned && reinterpret_cast<std::uintptr_t>(operand) % 16 == 0;
    if (aligned)
      f(std::integral_constant<int, lanes>());
    else
      f(std::integral_constant<int, 1>());
  }

  template <class T>
  static const T* patches_of(Context<Device>& context, const Conv2dGeometry& g, const T* x, T* memory) {
    if (patches_are_images(g)) return x;
    with_lanes<T>(g, {x, memory}, [&](auto count) {
      constexpr int lanes = decltype(count)::value;
      PointwiseKernels<Device>::for_each(context, results(g) * taps(g) / lanes,
                                  GatherPatches<T, lanes>{ConvSizes::of(g), Divisor(g.c / lanes), Divisor(g.s), Divisor(g.r), Divisor(g.q()),
                                                          Divisor(g.p()), x, memory});
    });
    return memory;
  }

  template <class T>
  static void multiply(Context<Device>& context, const GemmGeometry& geometry, const T* a, const T* b, T* c, const T* bias = nullptr) {
    GemmKernels<Device>::multiply(context, geometry, a, b, c, bias);
  }
};

}  // namespace gpu
}  // namespace nash
