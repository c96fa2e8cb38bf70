// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/cpu/epilogue.hpp"

#include <optional>

#include "cases/conv2d.hpp"
#include "kernels/comparison.hpp"

using namespace nash;

namespace {

/// y := position − 3·y, exact for the small integers of these tests: wrong where a result is met twice, never, or as another one.
template <class T>
struct FromPosition {
  T* y;
  void operator()(index_t i) const { y[i] = static_cast<T>(i) - T{3} * y[i]; }
};

/// Whole numbers from −2 to 2, so that sums of products are exact in whatever order.
template <class T>
Guarded<T> whole_numbers(index_t count, std::uint64_t seed) {
  Guarded<T> buffer(count);
  for (index_t i = 0; i < count; ++i) buffer.data()[i] = static_cast<T>(static_cast<index_t>(RandomStream(seed).bits(i) % 5) - 2);
  return buffer;
}

/// kernel(context, result, epilogue): with the epilogue it gives what the map makes of what it gives without.
template <class T, class Kernel>
void check(Guarded<T> start, const Kernel& kernel) {
  for_each_instruction_set([&](Context<Cpu>& one_thread) {
    Guarded<T> expected = start;
    kernel(one_thread, expected.data(), cpu::Epilogue<T>{});
    pointwise(one_thread, expected.count(), FromPosition<T>{expected.data()});
    std::optional<Guarded<T>> of_one_thread;
    for (const int threads : {1, 2, 3}) {
      CAPTURE(threads);
      Context<Cpu> context(threads);
      context.limit_instruction_set(one_thread.instruction_set());
      Guarded<T> result = start;
      const auto map = PointwiseKernels<Cpu>::map(FromPosition<T>{result.data()});
      kernel(context, result.data(), PointwiseKernels<Cpu>::epilogue(context, result.data(), map));
      CHECK(result.walls_stand());
      // Minimal filtering divides by 3 and the like, and so rounds.
      const auto close = [](T a, T b) { return std::abs(a - b) <= static_cast<T>(1e-4) * (T{1} + std::abs(b)); };
      CHECK(std::equal(result.data(), result.data() + result.count(), expected.data(), close));
      if (of_one_thread) CHECK(result.same_bits(*of_one_thread));
      else of_one_thread = result;
    }
  });
}

template <class T>
void check_convolutions(const Conv2dGeometry& g) {
  const auto x = whole_numbers<T>(g.image_shape().count(), 1), w = whole_numbers<T>(g.filter_shape().count(), 2), dy = whole_numbers<T>(g.output_shape().count(), 3);
  const auto y_bias = whole_numbers<T>(g.o, 4), x_bias = whole_numbers<T>(g.c, 5);
  for (const bool with_bias : {false, true}) {
    CAPTURE(with_bias);
    check(Guarded<T>(g.output_shape().count()), [&](Context<Cpu>& context, T* y, const cpu::Epilogue<T>& epilogue) {
      Conv2dKernels<Cpu>::forward(context, g, x.data(), w.data(), y, with_bias ? y_bias.data() : nullptr, epilogue);
    });
    check(Guarded<T>(g.image_shape().count()), [&](Context<Cpu>& context, T* dx, const cpu::Epilogue<T>& epilogue) {
      Conv2dKernels<Cpu>::backward_data(context, g, dy.data(), w.data(), dx, with_bias ? x_bias.data() : nullptr, epilogue);
    });
  }
}

}  // namespace

TEST_CASE_TEMPLATE("every convolution applies an epilogue to each result once, when it is final", T, float, double) {
  for (const ConvCase& c : conv_cases) {
    CAPTURE(c.name);
    check_convolutions<T>(for_tests(c));
  }
}

TEST_CASE("so do those by minimal filtering, with one group of phases and with several, whole images and some at a time") {
  constexpr Conv2dGeometry cases[] = {
      {.n = 33, .h = 14, .w = 14, .c = 16, .o = 32, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1},
      {.n = 18, .h = 15, .w = 16, .c = 16, .o = 16, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1},
      {.n = 3, .h = 11, .w = 9, .c = 32, .o = 48, .r = 3, .s = 3, .padding_h = 1, .padding_w = 1},
  };
  for (const Conv2dGeometry& g : cases) {
    Context<Cpu> context(1);
    CHECK(cpu::Winograd<float>::suits(context, g) == (context.instruction_set() != InstructionSet::baseline));
    check_convolutions<float>(g);
  }
}

TEST_CASE("convolutions on tile registers apply an epilogue once to each result, when it is final") {
  constexpr Conv2dGeometry cases[] = {
      {.n = 16, .h = 7, .w = 6, .c = 32, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1},
      {.n = 30, .h = 5, .w = 4, .c = 288, .o = 256, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1},  // in slices
  };
  for (const Conv2dGeometry& g : cases) {
    Context<Cpu> context(1);
    CHECK(cpu::SplitConvolution::suits(context, g) == (context.instruction_set() == InstructionSet::amx));
    check_convolutions<float>(g);
  }
}

TEST_CASE_TEMPLATE("every product applies an epilogue to each result once, when it is final", T, float, double) {
  constexpr index_t sizes[][3] = {{3, 2, 0}, {1, 64, 3}, {1, 7, 900}, {5, 17, 3}, {7, 49, 13}, {4, 300, 600}, {4, 5, 2000}, {9, 130, 1100}, {200, 20, 300}, {33, 800, 40},
                                    {43, 77, 90}, {40, 70, 3000}};  // on tile registers, and in splits
  for (const auto& [m, n, k] : sizes)
    for (const bool transpose_b : {false, true})
      for (const bool accumulate : {false, true}) {
        const GemmGeometry g{.m = m, .n = n, .k = k, .transpose_b = transpose_b, .accumulate = accumulate};
        CAPTURE(g.m);
        CAPTURE(g.n);
        CAPTURE(g.k);
        CAPTURE(transpose_b);
        CAPTURE(accumulate);
        const auto a = whole_numbers<T>(m * k, 1), b = whole_numbers<T>(k * n, 2), bias = whole_numbers<T>(n, 3);
        check(whole_numbers<T>(m * n, 4), [&](Context<Cpu>& context, T* c, const cpu::Epilogue<T>& epilogue) {
          GemmKernels<Cpu>::multiply(context, g, a.data(), b.data(), c, accumulate ? nullptr : bias.data(), epilogue);
        });
      }
}
