// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/conv2d.hpp"

#include <cmath>
#include <cstdlib>
#include <future>
#include <limits>

#include "cases/conv2d.hpp"
#include "kernels/comparison.hpp"

using namespace nash;

namespace {

enum class Direction { forward, backward_data, backward_weights };
constexpr Direction directions[] = {Direction::forward, Direction::backward_data, Direction::backward_weights};
constexpr const char* names[] = {"forward", "backward_data", "backward_weights"};

/// One direction's operands and where its result goes. Without a bias weights' gradients are added to something; in its place they have
/// a run that writes them over what is there.
template <class T>
struct Problem {
  Direction direction;
  Conv2dGeometry g;
  Guarded<T> left, right, bias, start;

  Problem(Direction d, const Conv2dGeometry& geometry)
      : direction(d), g(geometry),
        left(Guarded<T>::random(d == Direction::backward_data ? g.output_shape().count() : g.image_shape().count(), 1).with_nan_walls()),
        right(Guarded<T>::random(d == Direction::backward_weights ? g.output_shape().count() : g.filter_shape().count(), 2).with_nan_walls()),
        bias(Guarded<T>::random(d == Direction::backward_data ? g.c : g.o, 3).with_nan_walls()),
        start(d == Direction::forward         ? Guarded<T>(g.output_shape().count())
              : d == Direction::backward_data ? Guarded<T>(g.image_shape().count())
                                              : Guarded<T>::random(g.filter_shape().count(), 4)) {}

  template <class Device>
  Guarded<T> run(Context<Device>& context, bool with_bias) const {
    Guarded<T> result = start;
    const T* const b = with_bias ? bias.data() : nullptr;
    using Kernels = Conv2dKernels<Device>;
    if (direction == Direction::forward) Kernels::forward(context, g, left.data(), right.data(), result.data(), b);
    if (direction == Direction::backward_data) Kernels::backward_data(context, g, left.data(), right.data(), result.data(), b);
    if (direction == Direction::backward_weights) {
      if (with_bias) result = Guarded<T>(start.count());
      Kernels::backward_weights(context, g, left.data(), right.data(), result.data(), !with_bias);
    }
    return result;
  }

  /// The same in double, and with the absolute values of all operands.
  Problem<double> wide() const {
    Problem<double> other(direction, g);
    other.left = widened(left), other.right = widened(right), other.bias = widened(bias), other.start = widened(start);
    return other;
  }
  Problem<double> of_magnitudes() const {
    Problem<double> other = wide();
    other.left = magnitudes(other.left), other.right = magnitudes(other.right), other.bias = magnitudes(other.bias), other.start = magnitudes(other.start);
    return other;
  }
};

/// Whether minimal filtering is used, which rounds more: it sums differences of products that are larger than the results.
template <class T>
bool filtered(Context<Cpu>& context, const Conv2dGeometry& g) {
  return std::is_same_v<T, float> && !cpu::SplitConvolution::suits(context, g) && cpu::Winograd<float>::suits(context, g);
}

double worst_seen = 0;

template <class T>
void compare(const ConvCase& c, Direction direction) {
  CAPTURE(c.name);
  CAPTURE(names[static_cast<int>(direction)]);
  const Problem<T> problem(direction, for_tests(c));
  Context<Reference> reference(1);
  for (const bool with_bias : {false, true}) {
    CAPTURE(with_bias);
    // The naive loops are most of the time, so that both are done at once.
    auto other = std::async(std::launch::async, [&] {
      Context<Reference> own(1);
      return problem.of_magnitudes().run(own, with_bias);
    });
    const auto expected = problem.wide().run(reference, with_bias), magnitude = other.get();
    for_each_instruction_set([&](Context<Cpu>& context) {
      const auto result = problem.run(context, with_bias);
      CHECK(result.walls_stand());
      const double off = roundings_off(result, expected, magnitude);
      CHECK(off < (filtered<T>(context, problem.g) ? 24 : 4));
      worst_seen = std::max(worst_seen, off);
      for (const int threads : {2, 3}) {
        Context<Cpu> others(threads);
        others.limit_instruction_set(context.instruction_set());
        CHECK(problem.run(others, with_bias).same_bits(result));
      }
    });
  }
}

}  // namespace

TEST_CASE("the cases are what their names say: sizes agree and cover what they must") {
  std::vector<index_t> channels;
  for (const ConvCase& c : conv_cases) {
    CAPTURE(c.name);
    CHECK(c.geometry.p() >= 1);
    CHECK(c.geometry.q() >= 1);
    channels.push_back(c.geometry.c);
    for (const ConvCase& other : conv_cases) CHECK((&c == &other || std::string_view(c.name) != other.name));
  }
  for (const index_t wanted : {1, 3, 5, 17, 64}) CHECK(std::count(channels.begin(), channels.end(), wanted) > 0);
}

TEST_CASE_TEMPLATE("convolutions agree with the naive loops, in every instruction set, and with any number of threads", T, float, double) {
  for (const ConvCase& c : conv_cases)
    for (const Direction direction : directions) compare<T>(c, direction);
  if (std::getenv("NASH_TEST_FIGURES") != nullptr) MESSAGE("worst error: ", worst_seen, " roundings of the sum of absolute terms");
}

// Images of few channels: all kinds of windows, filters that fill vectors or do not, whole and shared tiles of results, several bands of an image.
struct ThinCase {
  ConvCase convolution;
  bool suits_tile_registers;
};
constexpr ThinCase thin_cases[] = {
    {{"as in DCGAN", {.n = 3, .h = 28, .w = 28, .c = 1, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}}, true},
    {{"5x5, stride 2", {.n = 3, .h = 11, .w = 13, .c = 3, .o = 24, .r = 5, .s = 5, .stride_h = 2, .stride_w = 2, .padding_h = 2, .padding_w = 2}}, false},
    {{"colours", {.n = 4, .h = 10, .w = 64, .c = 3, .o = 80, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}}, true},
    {{"tiles that share a result", {.n = 9, .h = 5, .w = 21, .c = 3, .o = 16, .r = 5, .s = 5, .padding_h = 2, .padding_w = 2}}, true},
    {{"one image, many filters", {.n = 1, .h = 40, .w = 30, .c = 4, .o = 144, .r = 2, .s = 2, .stride_h = 1, .stride_w = 2}}, true},
    {{"one such image", {.n = 1, .h = 28, .w = 28, .c = 1, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}}, false},
    {{"windows of a pixel", {.n = 2, .h = 3, .w = 12, .c = 3, .o = 32, .r = 1, .s = 1}}, false},
    {{"nine taps", {.n = 2, .h = 6, .w = 16, .c = 1, .o = 32, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}}, false},
    {{"short lines", {.n = 5, .h = 14, .w = 14, .c = 1, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}}, false},
    {{"few filters", {.n = 4, .h = 9, .w = 12, .c = 2, .o = 5, .r = 4, .s = 4, .stride_h = 2, .padding_h = 1, .padding_w = 2}}, false},
    {{"nine phases", {.n = 3, .h = 11, .w = 10, .c = 3, .o = 20, .r = 5, .s = 4, .stride_h = 3, .stride_w = 3, .padding_h = 2, .padding_w = 1}}, false},
    {{"pixels that no tap sees", {.n = 2, .h = 8, .w = 9, .c = 2, .o = 17, .r = 2, .s = 1, .stride_h = 3, .stride_w = 2}}, false},
    {{"padding wider than the image", {.n = 2, .h = 2, .w = 3, .c = 1, .o = 16, .r = 4, .s = 4, .padding_h = 3, .padding_w = 3}}, false},
    {{"padding of whole blocks", {.n = 2, .h = 4, .w = 6, .c = 1, .o = 16, .r = 6, .s = 6, .stride_h = 2, .stride_w = 2, .padding_h = 4, .padding_w = 5}}, false},
    {{"columns of results", {.n = 1, .h = 300, .w = 2, .c = 1, .o = 3, .r = 3, .s = 2}}, false},
    {{"eight rows and one", {.n = 2, .h = 20, .w = 11, .c = 1, .o = 17, .r = 9, .s = 3, .stride_h = 2, .padding_h = 4, .padding_w = 1}}, false},
    {{"fours of columns and three", {.n = 3, .h = 12, .w = 15, .c = 1, .o = 17, .r = 5, .s = 2, .padding_h = 1}}, false},
    {{"lines of padding alone", {.n = 2, .h = 3, .w = 1, .c = 1, .o = 17, .r = 2, .s = 1, .stride_w = 8, .padding_w = 3}}, false},
    {{"many lines of few results", {.n = 1, .h = 40, .w = 6, .c = 3, .o = 32, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}}, false},
    {{"lines of results", {.n = 1, .h = 5, .w = 300, .c = 4, .o = 48, .r = 3, .s = 3, .padding_w = 1}}, true},
};

TEST_CASE_TEMPLATE("convolutions of images with few channels agree with the naive loops", T, float, double) {
  for (const ThinCase& c : thin_cases) {
    CAPTURE(c.convolution.name);
    CHECK(cpu::ThinConvolution<T>::suits(c.convolution.geometry));
    CHECK(cpu::ThinConvolution<T>::suits_backward_data(c.convolution.geometry));
    for_each_instruction_set([&](Context<Cpu>& context) {
      CHECK(cpu::ThinConvolution<float>(context, c.convolution.geometry).tiles_suit() == (c.suits_tile_registers && context.instruction_set() == InstructionSet::amx));
    });
    for (const Direction direction : directions) compare<T>(c.convolution, direction);
  }
}

TEST_CASE("what an image's value that is not finite reaches in thin convolutions is what the naive loops let it reach") {
  Context<Reference> reference(1);
  const auto same_values_are_finite = [](const Guarded<float>& a, const Guarded<float>& b) {
    for (index_t i = 0; i < a.count(); ++i)
      if (std::isfinite(a[i]) != std::isfinite(b[i])) return false;
    return true;
  };
  for (const ThinCase& c : thin_cases) {
    CAPTURE(c.convolution.name);
    for (const Direction direction : directions)
      for (const float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        Problem<float> problem(direction, c.convolution.geometry);  // its left operand is x, or dy going back to the data
        problem.left.data()[problem.left.count() * 3 / 7] = value;
        const auto expected = problem.run(reference, true);
        for_each_instruction_set([&](Context<Cpu>& context) { CHECK(same_values_are_finite(problem.run(context, true), expected)); });
      }
  }
}

TEST_CASE("thin convolutions are left alone where lines or windows leave the near caches") {
  using Thin = cpu::ThinConvolution<float>;
  CHECK_FALSE(Thin::suits({.n = 1, .h = 1, .w = 16384, .c = 1, .o = 64, .s = 25, .padding_w = 12}));
  CHECK_FALSE(Thin::suits({.n = 1, .h = 224, .w = 224, .c = 3, .o = 96, .r = 16, .s = 16, .stride_h = 16, .stride_w = 16}));
  CHECK_FALSE(Thin::suits({.n = 1, .h = 8, .w = 8, .c = 5, .o = 16}));
  CHECK_FALSE(Thin::suits({.n = 1, .h = 8, .w = 8, .c = 1, .o = 0}));
  CHECK_FALSE(Thin::suits({.n = 1, .h = 8, .w = 8, .c = 0, .o = 16}));
  CHECK_FALSE(Thin::suits_backward_data({.n = 1, .h = 512, .w = 512, .c = 4, .o = 64, .stride_h = 32, .stride_w = 32}));
  CHECK(Thin::suits_backward_data({.n = 1, .h = 224, .w = 224, .c = 3, .o = 96, .r = 16, .s = 16, .stride_h = 16, .stride_w = 16}));
}

// What tile registers do, where there are some: whole tiles and parts, one or two blocks of images, slices of channels, all kinds of windows.
constexpr ConvCase split_cases[] = {
    {"as in DCGAN", {.n = 64, .h = 7, .w = 6, .c = 32, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"one block of images", {.n = 16, .h = 7, .w = 7, .c = 64, .o = 32, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"one and a half", {.n = 45, .h = 5, .w = 4, .c = 32, .o = 32, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"parts of tiles", {.n = 37, .h = 9, .w = 11, .c = 60, .o = 59, .r = 3, .s = 2, .stride_h = 2, .padding_h = 1, .padding_w = 1}},
    {"sixteen columns", {.n = 30, .h = 6, .w = 6, .c = 96, .o = 80, .r = 2, .s = 3, .padding_h = 1}},
    {"nine phases", {.n = 16, .h = 8, .w = 10, .c = 32, .o = 32, .r = 5, .s = 4, .stride_h = 3, .stride_w = 3, .padding_h = 2, .padding_w = 1}},
    {"pixels that no tap sees", {.n = 14, .h = 8, .w = 9, .c = 32, .o = 32, .r = 2, .s = 1, .stride_h = 3, .stride_w = 2}},
    {"padding wider than the image", {.n = 16, .h = 2, .w = 3, .c = 32, .o = 32, .r = 4, .s = 4, .padding_h = 3, .padding_w = 3}},
    {"many channels", {.n = 16, .h = 4, .w = 5, .c = 288, .o = 250, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"many taps", {.n = 15, .h = 9, .w = 8, .c = 32, .o = 32, .r = 8, .s = 8, .padding_h = 3, .padding_w = 4}},
    {"wide images", {.n = 16, .h = 2, .w = 140, .c = 32, .o = 32, .r = 2, .s = 3, .padding_w = 1}},
    {"phases from different rows", {.n = 16, .h = 9, .w = 9, .c = 32, .o = 32, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2}},
    {"one pixel", {.n = 64, .h = 1, .w = 1, .c = 32, .o = 32, .r = 2, .s = 2, .padding_h = 1, .padding_w = 1}},
};

TEST_CASE("convolutions on tile registers agree with the naive loops") {
  for (const ConvCase& c : split_cases) {
    CAPTURE(c.name);
    for_each_instruction_set([&](Context<Cpu>& context) {
      CHECK(cpu::SplitConvolution::suits(context, c.geometry) == (context.instruction_set() == InstructionSet::amx));
    });
    for (const Direction direction : directions) compare<float>(c, direction);
  }
  if (detect_instruction_set() < InstructionSet::amx) MESSAGE("this processor has no tile registers: other kernels did these");
}

TEST_CASE("gradients of weights on tile registers may take some images at a time") {
  if (detect_instruction_set() < InstructionSet::amx) return;
  for (const index_t images : {45, 80, 100}) {
    CAPTURE(images);
    const Problem<float> problem(Direction::backward_weights, {.n = images, .h = 5, .w = 4, .c = 32, .o = 48, .r = 3, .s = 2, .stride_w = 2, .padding_h = 1});
    Context<Reference> reference(1);
    const auto expected = problem.wide().run(reference, false), magnitude = problem.of_magnitudes().run(reference, false);
    for (const index_t most_values : {1, 200000, 1 << 24})
      for (const bool accumulate : {false, true}) {
        Context<Cpu> context(2);
        Guarded<float> dw = accumulate ? problem.start : Guarded<float>(problem.start.count());
        cpu::SplitConvolution(context, problem.g, most_values).backward_weights(problem.left.data(), problem.right.data(), dw.data(), accumulate);
        CHECK(dw.walls_stand());
        if (!accumulate)
          for (index_t i = 0; i < dw.count(); ++i) dw.data()[i] += problem.start[i];
        CHECK(roundings_off(dw, expected, magnitude) < 4);
      }
  }
}

TEST_CASE("tile registers are left alone where they would be half empty") {
  Context<Cpu> context(1);
  const Conv2dGeometry wide{.n = 64, .h = 14, .w = 14, .c = 64, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  const auto refuses = [&](auto change) {
    Conv2dGeometry g = wide;
    change(g);
    return !cpu::SplitConvolution::suits(context, g);
  };
  CHECK(refuses([](Conv2dGeometry& g) { g.n = 1; }));
  CHECK(refuses([](Conv2dGeometry& g) { g.c = 3; }));
  CHECK(refuses([](Conv2dGeometry& g) { g.o = 33; }));
  CHECK(refuses([](Conv2dGeometry& g) { g.r = g.s = 9; }));
}

// What is done by minimal filtering: every kind of tile, of phase and of padding. Of the first, two threads or three have images of their own,
// not equally many.
constexpr ConvCase filtering_cases[] = {
    {"4+3", {.n = 33, .h = 14, .w = 14, .c = 16, .o = 32, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"closed", {.n = 60, .h = 7, .w = 7, .c = 16, .o = 16, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"3x3, beyond the end", {.n = 3, .h = 11, .w = 9, .c = 32, .o = 48, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"3x3, many filters", {.n = 3, .h = 11, .w = 9, .c = 16, .o = 80, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"few positions, many filters", {.n = 60, .h = 7, .w = 7, .c = 16, .o = 80, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"many channels, in slices", {.n = 3, .h = 11, .w = 9, .c = 272, .o = 16, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"many filters, in slices", {.n = 3, .h = 11, .w = 9, .c = 16, .o = 272, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1}},
    {"3x3 without padding", {.n = 5, .h = 12, .w = 10, .c = 16, .o = 16, .r = 3, .s = 3}},
    {"3x3, stride 2", {.n = 18, .h = 15, .w = 16, .c = 16, .o = 16, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1}},
    {"5x5, stride 2", {.n = 9, .h = 16, .w = 14, .c = 16, .o = 16, .r = 5, .s = 5, .stride_h = 2, .stride_w = 2, .padding_h = 2, .padding_w = 2}},
    {"6x4, stride 2", {.n = 9, .h = 17, .w = 16, .c = 16, .o = 16, .r = 6, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 3, .padding_w = 1}},
    {"4x3, strides 2 and 1", {.n = 6, .h = 16, .w = 9, .c = 16, .o = 16, .r = 4, .s = 3, .stride_h = 2, .padding_h = 1, .padding_w = 1}},
    {"2x2", {.n = 9, .h = 9, .w = 16, .c = 16, .o = 16, .r = 2, .s = 2}},
};

TEST_CASE("convolutions by minimal filtering agree with the naive loops") {
  for (const ConvCase& c : filtering_cases) {
    CAPTURE(c.name);
    for_each_instruction_set([&](Context<Cpu>& context) {
      CHECK(cpu::Winograd<float>::suits(context, c.geometry) == (context.instruction_set() != InstructionSet::baseline));
    });
    for (const Direction direction : directions) compare<float>(c, direction);
  }
  if (std::getenv("NASH_TEST_FIGURES") != nullptr) MESSAGE("worst error: ", worst_seen, " roundings of the sum of absolute terms");
}

TEST_CASE("minimal filtering of some images at a time gives what all at once give") {
  const Conv2dGeometry g = filtering_cases[0].geometry;
  if (detect_instruction_set() == InstructionSet::baseline) return;
  for (const Direction direction : directions) {
    CAPTURE(names[static_cast<int>(direction)]);
    const Problem<float> problem(direction, g);
    const auto run = [&](index_t cached) {
      Context<Cpu> context(2);
      cpu::Winograd<float> filtering(context, g, cached);
      Guarded<float> result = problem.start;
      if (direction == Direction::forward) filtering.forward(problem.left.data(), problem.right.data(), result.data(), problem.bias.data());
      if (direction == Direction::backward_data) filtering.backward_data(problem.left.data(), problem.right.data(), result.data(), problem.bias.data());
      if (direction == Direction::backward_weights) filtering.backward_weights(problem.left.data(), problem.right.data(), result.data(), true);
      CHECK(result.walls_stand());
      return result;
    };
    const auto all = run(1 << 22), four = run(4 * 81 * (4 * g.c + g.o));
    double worst = 0;
    for (index_t i = 0; i < all.count(); ++i) worst = std::max(worst, static_cast<double>(std::abs(four[i] - all[i]) / (1 + std::abs(all[i]))));
    CHECK(worst < 1e-4);
    if (direction != Direction::backward_weights) CHECK(four.same_bits(all));  // images do not depend on each other
  }
}

TEST_CASE("threads do minimal filtering apart where each has enough images and the filters are few") {
  const auto apart = [](int threads, auto change) {
    Conv2dGeometry g{.n = 64, .h = 14, .w = 14, .c = 64, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
    change(g);
    Context<Cpu> context(threads);
    return cpu::Winograd<float>(context, g).goes_apart();
  };
  const auto as_it_is = [](Conv2dGeometry&) {};
  CHECK(apart(2, as_it_is));
  CHECK(apart(3, as_it_is));
  CHECK_FALSE(apart(1, as_it_is));
  CHECK_FALSE(apart(16, as_it_is));                                         // too few rows for a thread's own products
  CHECK_FALSE(apart(2, [](Conv2dGeometry& g) { g.c = g.o = 512; }));        // too many filters that every thread reads
  CHECK_FALSE(apart(2, [](Conv2dGeometry& g) { g.n = 1, g.h = g.w = 64; }));  // one image, however large, is for all threads
  CHECK_FALSE(apart(2, [](Conv2dGeometry& g) { g.n = 3, g.h = g.w = 64; }));  // and two to one is no share
}

TEST_CASE("minimal filtering is left alone where it would cost more than it saves") {
  Context<Cpu> context(1);
  const Conv2dGeometry wide{.n = 64, .h = 14, .w = 14, .c = 64, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  CHECK(cpu::Winograd<float>::suits(context, wide) == (context.instruction_set() != InstructionSet::baseline));
  const auto refuses = [&](auto change) {
    Conv2dGeometry g = wide;
    change(g);
    return !cpu::Winograd<float>::suits(context, g);
  };
  CHECK(refuses([](Conv2dGeometry& g) { g.n = 1; }));                                       // too few tiles for the filters' maps
  CHECK(refuses([](Conv2dGeometry& g) { g.c = 3; }));                                       // parts of a vector
  CHECK(refuses([](Conv2dGeometry& g) { g.h = g.w = 6; }));                                 // results narrower than a tile
  CHECK(refuses([](Conv2dGeometry& g) { g.r = g.s = 1, g.padding_h = g.padding_w = 0; }));  // a single tap a phase
  CHECK(refuses([](Conv2dGeometry& g) { g.r = g.s = 7, g.padding_h = g.padding_w = 3; }));  // four taps a phase
  CHECK(refuses([](Conv2dGeometry& g) { g.stride_h = g.stride_w = 3; }));
}

TEST_CASE("a batch is done image by image") {
  // A larger batch changes the blocks, and must not change what one image gives beyond rounding.
  Conv2dGeometry g = for_tests(conv_cases[1]);
  g.n = 9;
  const auto x = Guarded<double>::random(g.image_shape().count(), 1), w = Guarded<double>::random(g.filter_shape().count(), 2);
  Guarded<double> y(g.output_shape().count());
  Context<Cpu> context(1);
  Conv2dKernels<Cpu>::forward(context, g, x.data(), w.data(), y.data());
  Conv2dGeometry one = g;
  one.n = 1;
  double worst = 0;
  for (index_t n = 0; n < g.n; ++n) {
    Guarded<double> alone(one.output_shape().count());
    Conv2dKernels<Cpu>::forward(context, one, x.data() + n * one.image_shape().count(), w.data(), alone.data());
    for (index_t i = 0; i < alone.count(); ++i) worst = std::max(worst, std::abs(alone[i] - y[n * alone.count() + i]));
  }
  CHECK(worst < 1e-11);
}

TEST_CASE("scalars without vector kernels take the naive loops") {
  const Conv2dGeometry g{.n = 2, .h = 5, .w = 4, .c = 3, .o = 2, .r = 3, .s = 2, .stride_h = 2, .stride_w = 1, .padding_h = 1, .padding_w = 1};
  static_assert(!has_vector_kernels<long double>);
  for (const Direction direction : directions) {
    const Problem<long double> problem(direction, g);
    Context<Cpu> context(2);
    Context<Reference> reference(1);
    const auto result = problem.run(context, true), expected = problem.run(reference, true);
    for (index_t i = 0; i < result.count(); ++i) CHECK(result[i] == expected[i]);
  }
}

TEST_CASE("convolutions of no images write nothing, but that their weights have no gradient") {
  Conv2dGeometry g{.n = 0, .h = 4, .w = 4, .c = 2, .o = 3, .r = 2, .s = 2};
  Guarded<float> nothing(0), w = Guarded<float>::random(g.filter_shape().count(), 1), dw = w;
  Context<Cpu> context(1);
  Conv2dKernels<Cpu>::forward(context, g, nothing.data(), w.data(), nothing.data());
  Conv2dKernels<Cpu>::backward_data(context, g, nothing.data(), w.data(), nothing.data());
  Conv2dKernels<Cpu>::backward_weights(context, g, nothing.data(), nothing.data(), dw.data());
  CHECK(nothing.walls_stand());
  CHECK(dw.same_bits(w));
  Conv2dKernels<Cpu>::backward_weights(context, g, nothing.data(), nothing.data(), dw.data(), false);
  CHECK(dw.same_bits(Guarded<float>(w.count(), 0)));
  CHECK(dw.walls_stand());
}
