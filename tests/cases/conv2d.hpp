// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/conv2d.hpp"

/// The convolutions that every device is tested and timed on.
struct ConvCase {
  const char* name;
  nash::Conv2dGeometry geometry;
  bool timed = false;  ///< large enough to be worth a measurement; tests take one image and fewer channels of it
};

inline constexpr ConvCase conv_cases[] = {
    // The layers of model/dcgan.hpp with width 64: d, of the discriminator; g, of the generator, whose transposed convolutions
    // are here the convolutions that they are adjoint to. The first two are those of model/dcgan_dense.hpp as well.
    {"dcgan28:d1,g4", {.n = 64, .h = 28, .w = 28, .c = 1, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan28:d2,g3", {.n = 64, .h = 14, .w = 14, .c = 64, .o = 128, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan28:d3,g2", {.n = 64, .h = 7, .w = 7, .c = 128, .o = 256, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan28:d4", {.n = 64, .h = 4, .w = 4, .c = 256, .o = 1, .r = 4, .s = 4}, true},
    {"dcgan28:g1", {.n = 64, .h = 4, .w = 4, .c = 256, .o = 100, .r = 4, .s = 4}, true},
    {"dcgan64:d1,g5", {.n = 64, .h = 64, .w = 64, .c = 3, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan64:d2,g4", {.n = 64, .h = 32, .w = 32, .c = 64, .o = 128, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan64:d3,g3", {.n = 64, .h = 16, .w = 16, .c = 128, .o = 256, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan64:d4,g2", {.n = 64, .h = 8, .w = 8, .c = 256, .o = 512, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"dcgan64:d5", {.n = 64, .h = 4, .w = 4, .c = 512, .o = 1, .r = 4, .s = 4}, true},
    {"dcgan64:g1", {.n = 64, .h = 4, .w = 4, .c = 512, .o = 100, .r = 4, .s = 4}, true},
    {"colour32:d1", {.n = 32, .h = 32, .w = 32, .c = 3, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}, true},
    {"resnet:3x3", {.n = 16, .h = 16, .w = 16, .c = 64, .o = 64, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}, true},

    // Odd sizes, channels of 1, 3, 5, 17 and 64, batches of 1 and odd, nothing symmetric.
    {"one", {.n = 1, .h = 1, .w = 1, .c = 1, .o = 1}},
    {"pointwise", {.n = 3, .h = 5, .w = 7, .c = 17, .o = 5}},
    {"pointwise:stride2", {.n = 1, .h = 7, .w = 4, .c = 5, .o = 3, .stride_h = 2, .stride_w = 2}},
    {"odd:stride1", {.n = 1, .h = 9, .w = 6, .c = 3, .o = 5, .r = 3, .s = 2, .padding_h = 1}},
    {"odd:stride2", {.n = 3, .h = 11, .w = 8, .c = 5, .o = 17, .r = 5, .s = 3, .stride_h = 2, .stride_w = 1, .padding_h = 2, .padding_w = 1}},
    {"odd:stride3", {.n = 3, .h = 11, .w = 7, .c = 5, .o = 2, .r = 3, .s = 5, .stride_h = 3, .stride_w = 2}},
    {"odd:stride1x3", {.n = 5, .h = 4, .w = 13, .c = 1, .o = 3, .r = 2, .s = 4, .stride_w = 3, .padding_w = 2}},
    {"rest", {.n = 1, .h = 10, .w = 12, .c = 3, .o = 3, .r = 3, .s = 3, .stride_h = 3, .stride_w = 4}},            // pixels that no filter sees at the edge
    {"kernel<stride", {.n = 3, .h = 8, .w = 10, .c = 3, .o = 5, .r = 2, .s = 1, .stride_h = 3, .stride_w = 3}},    // and between them
    {"kernel1<stride3", {.n = 1, .h = 7, .w = 7, .c = 17, .o = 1, .stride_h = 3, .stride_w = 2, .padding_h = 1}},
    {"whole", {.n = 5, .h = 4, .w = 3, .c = 17, .o = 3, .r = 4, .s = 3}},                                          // one result an image
    {"padding>kernel", {.n = 1, .h = 3, .w = 2, .c = 3, .o = 2, .r = 2, .s = 2, .padding_h = 3, .padding_w = 2}},  // results that see padding alone
    {"wide:17", {.n = 1, .h = 6, .w = 5, .c = 17, .o = 64, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"wide:64", {.n = 3, .h = 5, .w = 5, .c = 64, .o = 17, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"deep", {.n = 1, .h = 3, .w = 3, .c = 300, .o = 5, .r = 2, .s = 2, .padding_h = 1, .padding_w = 1}},          // a tap in several slices
    {"padding between", {.n = 64, .h = 6, .w = 6, .c = 2, .o = 16, .r = 6, .s = 6, .stride_w = 4, .padding_h = 1, .padding_w = 1}},  // of eight rows of weights
    {"long", {.n = 7, .h = 23, .w = 19, .c = 1, .o = 3, .r = 3, .s = 3}},                                          // a long sum for the weights
    {"batch", {.n = 35, .h = 6, .w = 5, .c = 8, .o = 6, .r = 4, .s = 3, .stride_h = 2, .stride_w = 1, .padding_h = 1, .padding_w = 1}},  // panels of one place
    {"batch:17", {.n = 33, .h = 4, .w = 4, .c = 17, .o = 3, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"thin:2", {.n = 3, .h = 9, .w = 7, .c = 2, .o = 17, .r = 4, .s = 3, .stride_h = 2, .stride_w = 1, .padding_h = 1, .padding_w = 2}},
    {"thin:4", {.n = 17, .h = 32, .w = 31, .c = 4, .o = 5, .r = 3, .s = 4, .stride_h = 1, .stride_w = 2, .padding_h = 1, .padding_w = 1}},  // padded by several threads
    {"thin:two blocks of filters", {.n = 4, .h = 10, .w = 64, .c = 3, .o = 80, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"thin:large window", {.n = 2, .h = 12, .w = 11, .c = 3, .o = 4, .r = 10, .s = 9, .padding_h = 2, .padding_w = 1}},
    {"thin:stride5", {.n = 2, .h = 17, .w = 23, .c = 3, .o = 6, .r = 4, .s = 4, .stride_h = 5, .stride_w = 5, .padding_h = 1}},
    {"stride5", {.n = 2, .h = 17, .w = 13, .c = 9, .o = 6, .r = 4, .s = 3, .stride_h = 5, .stride_w = 2, .padding_h = 1}},              // more phases than go together
    {"two slices", {.n = 2, .h = 4, .w = 4, .c = 128, .o = 49, .r = 3, .s = 3}},
};

/// The same case in a size that naive loops manage: the timed ones with one image and at most 64 channels.
constexpr nash::Conv2dGeometry for_tests(const ConvCase& c) {
  nash::Conv2dGeometry geometry = c.geometry;
  if (c.timed) {
    geometry.n = 1;
    geometry.c = geometry.c > 64 ? 64 : geometry.c;
    geometry.o = geometry.o > 64 ? 64 : geometry.o;
  }
  return geometry;
}
