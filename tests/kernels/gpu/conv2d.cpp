// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/conv2d.hpp"

#include "cases/conv2d.hpp"
#include "nn/checks.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

/// How many elements behind an aligned address operands begin.
struct Begins {
  index_t x = 0, w = 0, y = 0, dx = 0, dw = 0;
};

/// How many of a convolution's three directions are the library's.
index_t in_library(LibraryConvolutions which, const Conv2dGeometry& g, const Begins& begin = {}) {
  Context<StandIn> context;
  context.set_library_convolutions(which);
  const index_t image = g.image_shape().count(), filter = g.filter_shape().count(), output = g.output_shape().count();
  const auto x = random_tensor<float, StandIn>({begin.x + image}, 1), w = random_tensor<float, StandIn>({begin.w + filter}, 2);
  Tensor<float, StandIn> y({begin.y + output}), dx({begin.dx + image});
  auto dw = Tensor<float, StandIn>::zeros({begin.dw + filter});
  (void)stand_in::take_counts();
  Conv2dKernels<StandIn>::forward(context, g, x.data() + begin.x, w.data() + begin.w, y.data() + begin.y);
  Conv2dKernels<StandIn>::backward_data(context, g, y.data() + begin.y, w.data() + begin.w, dx.data() + begin.dx);
  Conv2dKernels<StandIn>::backward_weights(context, g, x.data() + begin.x, y.data() + begin.y, dw.data() + begin.dw);
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

TEST_CASE("a GPU's library is given operands of 16 bytes' alignment alone; nash's own kernels take the others") {
  stand_in::machine().library_strides = 1;
  const Conv2dGeometry g{.n = 2, .h = 5, .w = 5, .c = 3, .o = 4, .r = 2, .s = 2, .padding_h = 1, .padding_w = 1};
  const auto some = [&](const Begins& begin) { return in_library(LibraryConvolutions::all, g, begin); };
  for (const index_t begin : {1, 2, 3}) {
    CAPTURE(begin);
    CHECK(some({.x = begin}) == 1);
    CHECK(some({.w = begin}) == 1);
    CHECK(some({.y = begin}) == 0);
    CHECK(some({.dx = begin}) == 2);
    CHECK(some({.dw = begin}) == 2);
  }
  CHECK(some({.x = 4, .w = 8, .y = 12, .dx = 4, .dw = 4}) == 3);
  stand_in::machine().library_strides = 0;
}

TEST_CASE("large convolutions are those that a library was measured to be quicker in") {
  std::string quicker;
  for (const ConvCase& conv_case : conv_cases)
    if (gpu::is_quicker_in_library(conv_case.geometry)) quicker += std::string(conv_case.name) + ' ';
  CHECK(quicker == "dcgan64:d2,g4 dcgan64:d3,g3 dcgan64:d4,g2 ");

  const Conv2dGeometry large{.n = 1024, .h = 1, .w = 1, .c = 1024, .o = 1024};
  CHECK(gpu::wants_library(LibraryConvolutions::large, false, large));
  CHECK_FALSE(gpu::wants_library(LibraryConvolutions::large, true, large));  // in exact products it is slower
  CHECK(gpu::wants_library(LibraryConvolutions::all, true, large));
  CHECK_FALSE(gpu::wants_library(LibraryConvolutions::none, false, large));
}
