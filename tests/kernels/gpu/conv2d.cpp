// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/conv2d.hpp"

#include "cases/conv2d.hpp"
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

TEST_CASE("a GPU's library does the convolutions that it is asked for: all, none, or the large ones") {
  stand_in::machine().library_strides = 1;
  const Conv2dGeometry small{.n = 2, .h = 5, .w = 5, .c = 3, .o = 4, .r = 2, .s = 2, .padding_h = 1, .padding_w = 1};
  CHECK(in_library(LibraryConvolutions::all, small) == 3);
  CHECK(in_library(LibraryConvolutions::large, small) == 0);
  CHECK(in_library(LibraryConvolutions::none, small) == 0);
  CHECK(Context<StandIn>().library_convolutions() == LibraryConvolutions::large);
  stand_in::machine().library_strides = 0;
}

TEST_CASE("large convolutions are those that a library was measured to be quicker in") {
  std::string quicker;
  for (const ConvCase& conv_case : conv_cases)
    if (gpu::is_quicker_in_library(conv_case.geometry)) quicker += std::string(conv_case.name) + ' ';
  CHECK(quicker == "dcgan64:d2,g4 dcgan64:d3,g3 ");
}
