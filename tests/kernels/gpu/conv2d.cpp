// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/conv2d.hpp"

#include "nn/checks.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

/// How many of a convolution's three directions are the library's.
index_t in_library(LibraryConvolutions which, const Conv2dGeometry& g) {
  Context<StandIn> context;
  context.set_library_convolutions(which);
  const auto x = random_tensor<float, StandIn>(g.image_shape(), 1), w = random_tensor<float, StandIn>(g.filter_shape(), 2);
  Tensor<float, StandIn> y(g.output_shape()), dx(g.image_shape());
  auto dw = Tensor<float, StandIn>::zeros(g.filter_shape());
  (void)stand_in::take_counts();
  Conv2dKernels<StandIn>::forward(context, g, x.data(), w.data(), y.data());
  Conv2dKernels<StandIn>::backward_data(context, g, y.data(), w.data(), dx.data());
  Conv2dKernels<StandIn>::backward_weights(context, g, x.data(), y.data(), dw.data());
  context.synchronise();
  return stand_in::take_counts().convolutions;
}

}  // namespace

TEST_CASE("a GPU's library does the convolutions that it is asked for: all, none, or those of many results and channels on both sides") {
  stand_in::machine().library_strides = 1;
  const Conv2dGeometry large{.n = 16, .h = 16, .w = 16, .c = 32, .o = 32, .r = 2, .s = 2, .padding_h = 1, .padding_w = 1};
  Conv2dGeometry few_results = large, few_channels = large, few_filters = large, of_pixels = large;
  few_results.n = 2, few_channels.c = 31, few_filters.o = 31;
  of_pixels.r = of_pixels.s = 1, of_pixels.padding_h = of_pixels.padding_w = 0;
  CHECK(in_library(LibraryConvolutions::large, large) == 3);
  CHECK(in_library(LibraryConvolutions::none, large) == 0);
  for (const Conv2dGeometry& g : {few_results, few_channels, few_filters, of_pixels}) {
    CHECK(in_library(LibraryConvolutions::large, g) == 0);
    CHECK(in_library(LibraryConvolutions::all, g) == 3);
  }
  CHECK(Context<StandIn>().library_convolutions() == LibraryConvolutions::large);
  stand_in::machine().library_strides = 0;
}
