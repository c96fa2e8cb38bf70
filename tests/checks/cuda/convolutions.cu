// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string_view>

#include "cases/conv2d.hpp"
#include "nash/cuda.hpp"

using namespace nash;

namespace {

/// The sum of what every direction gives, with bias.
double through_every_direction(Context<Cuda>& context, const Conv2dGeometry& g) {
  const auto x = Tensor<float, Cuda>::filled(g.image_shape(), 0.5f), w = Tensor<float, Cuda>::filled(g.filter_shape(), 0.25f);
  const auto dy = Tensor<float, Cuda>::filled(g.output_shape(), 1), bias = Tensor<float, Cuda>::filled({std::max(g.c, g.o)}, 1);
  Tensor<float, Cuda> y(g.output_shape()), dx(g.image_shape()), dw = Tensor<float, Cuda>::zeros(g.filter_shape());
  Conv2dKernels<Cuda>::forward(context, g, x.data(), w.data(), y.data(), bias.data());
  Conv2dKernels<Cuda>::backward_data(context, g, dy.data(), w.data(), dx.data(), bias.data());
  Conv2dKernels<Cuda>::backward_weights(context, g, x.data(), dy.data(), dw.data());
  return sum(context, y.count(), Value<float>{y.data()}) + sum(context, dx.count(), Value<float>{dx.data()}) + sum(context, dw.count(), Value<float>{dw.data()});
}

/// With cuDNN: the major version that it was compiled for is accepted, in the form of its numbers, and those beside it are not.
bool versions_are_told_apart() {
#if NASH_CUDNN
  const auto accepts = [](std::size_t version) {
    try {
      cuda::require_cudnn_version(version);
      return true;
    } catch (const DeviceError&) {
      return false;
    }
  };
  return accepts(cudnnGetVersion()) && accepts(90000) && accepts(91900) && !accepts(8907) && !accepts(100000);
#else
  return true;
#endif
}

}  // namespace

/// Convolutions of the library, if it was built with one, and nash's own: the same numbers; without a GPU, the message that says so.
int main() {
  if (!versions_are_told_apart()) return std::puts("a version of cuDNN is taken for another"), 1;
  try {
    Context<Cuda> library, own;
    library.set_exact_products(true), own.set_exact_products(true);
    library.set_library_convolutions(LibraryConvolutions::all);
    own.set_library_convolutions(LibraryConvolutions::none);
    for (const ConvCase& conv_case : conv_cases) {
      const Conv2dGeometry g = for_tests(conv_case);
      const double a = through_every_direction(library, g), b = through_every_direction(own, g);
      if (!(std::abs(a - b) <= 1e-5 * std::abs(b))) return std::printf("%s: %g is not %g\n", conv_case.name, a, b), 1;
    }
  } catch (const DeviceError& error) {
    std::puts(error.what());
    return std::string_view(error.what()).starts_with("Cuda: cuda") ? 0 : 1;
  }
}
