// SPDX-License-Identifier: Apache-2.0
#include "nash/kernels/gemm.hpp"

#include <cstdlib>

#include "kernels/comparison.hpp"

using namespace nash;

namespace {

constexpr index_t sizes[][3] = {
    {0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {0, 0, 0}, {1, 1, 1}, {1, 1, 5}, {1, 7, 1}, {9, 1, 1}, {1, 64, 3},
    {2, 3, 4}, {5, 17, 3}, {8, 48, 16}, {6, 16, 8}, {7, 49, 13}, {13, 33, 64}, {17, 65, 31}, {3, 97, 255},
    {4, 5, 2000},     // long sums, split between threads
    {1, 1, 5000},
    {9, 130, 1100},
    {200, 20, 300},   // several blocks of rows, and slices of k
    {33, 800, 40},    // and of columns
    {1100, 50, 9},    // more panels of rows than are gathered at once
    {32, 64, 32},     // for tile registers: whole tiles,
    {43, 77, 90},     // parts of them,
    {20, 300, 1300},  // slices of k, blocks of columns,
    {40, 70, 3000},   // splits
    {700, 64, 60},    // and of rows
};

template <class T>
struct Multiplication {
  GemmGeometry g;
  Guarded<T> a, b, bias, start;

  explicit Multiplication(const GemmGeometry& geometry)
      : g(geometry), a(Guarded<T>::random(g.m * g.k, 1).with_nan_walls()), b(Guarded<T>::random(g.k * g.n, 2).with_nan_walls()),
        bias(Guarded<T>::random(g.n, 3).with_nan_walls()),
        start(g.accumulate ? Guarded<T>::random(g.m * g.n, 4) : Guarded<T>(g.m * g.n)) {}

  template <class Device>
  Guarded<T> run(Context<Device>& context, bool with_bias) const {
    Guarded<T> c = start;
    GemmKernels<Device>::multiply(context, g, a.data(), b.data(), c.data(), with_bias ? bias.data() : nullptr);
    return c;
  }

  nash::index_t count() const { return g.m * g.n; }
};

template <class T>
double compare(const GemmGeometry& g, bool with_bias) {
  const Multiplication<T> product(g);
  nash::Context<Reference> reference(1);
  Multiplication<double> wide(g), absolute(g);
  wide.a = widened(product.a), wide.b = widened(product.b), wide.bias = widened(product.bias), wide.start = widened(product.start);
  absolute.a = magnitudes(wide.a), absolute.b = magnitudes(wide.b), absolute.bias = magnitudes(wide.bias), absolute.start = magnitudes(wide.start);
  const auto expected = wide.run(reference, with_bias), magnitude = absolute.run(reference, with_bias);
  double worst = 0;
  for_each_instruction_set([&](Context<Cpu>& context) {
    const auto result = product.run(context, with_bias);
    CHECK(result.walls_stand());
    const double off = roundings_off(result, expected, magnitude);
    CHECK(off < 4);
    worst = std::max(worst, off);
    for (const int threads : {2, 3}) {
      Context<Cpu> others(threads);
      others.limit_instruction_set(context.instruction_set());
      CHECK(product.run(others, with_bias).same_bits(result));
    }
  });
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("products agree with the naive loops, in every instruction set, and with any number of threads", T, float, double) {
  double worst = 0;
  for (const auto& size : sizes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const int kind : {0, 1, 2}) {
          const auto [m, n, k] = size;
          const GemmGeometry g{.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = kind == 2};
          CAPTURE(g.m);
          CAPTURE(g.n);
          CAPTURE(g.k);
          CAPTURE(transpose_a);
          CAPTURE(transpose_b);
          CAPTURE(kind);
          worst = std::max(worst, compare<T>(g, kind == 1));
        }
  if (std::getenv("NASH_TEST_FIGURES") != nullptr) MESSAGE("worst error: ", worst, " roundings of the sum of absolute terms");
}

TEST_CASE("each instruction set has kernels of its own") {
  CHECK(cpu::tile_kernels<float>(InstructionSet::baseline).lanes == 4);
  CHECK(cpu::tile_kernels<float>(InstructionSet::avx2).lanes == 8);
  CHECK(cpu::tile_kernels<float>(InstructionSet::avx512).lanes == 16);
  CHECK(cpu::tile_kernels<double>(InstructionSet::avx512).lanes == 8);
  CHECK(cpu::tile_kernels<float>(InstructionSet::amx).lanes == 16);
  if (detect_instruction_set() != InstructionSet::amx) MESSAGE("this processor has ", name_of(detect_instruction_set()), " at most: wider kernels were not run");
}

TEST_CASE("scalars without vector kernels take the naive loops") {
  const Multiplication<long double> product({.m = 5, .n = 7, .k = 9, .transpose_a = true});
  Context<Cpu> context(2);
  Context<Reference> reference(1);
  const auto result = product.run(context, true), expected = product.run(reference, true);
  for (index_t i = 0; i < product.count(); ++i) CHECK(result[i] == expected[i]);
}

TEST_CASE("a NaN in an operand reaches what it is part of, and nothing else") {
  Multiplication<float> product({.m = 5, .n = 20, .k = 7});
  product.a.data()[2 * 7 + 3] = std::nanf("");
  Context<Cpu> context(1);
  const auto c = product.run(context, false);
  for (index_t i = 0; i < product.count(); ++i) CHECK(std::isnan(c[i]) == (i / 20 == 2));
}
