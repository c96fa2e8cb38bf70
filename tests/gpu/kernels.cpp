// SPDX-License-Identifier: Apache-2.0
#include "cases/conv2d.hpp"
#include "gpu/device_under_test.hpp"
#include "nash/kernels/normalize.hpp"
#include "nash/kernels/row_sums.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

template <class T>
constexpr double tolerance_of(bool exact) {
  return std::is_same_v<T, double> ? 1e-12 : exact ? exact_tolerance : tf32_tolerance;
}

/// The same values on the device and, in double, for the naive loops.
template <class T>
struct Operand {
  Tensor<T, Device> here;
  Tensor<double, Reference> there;

  Operand(const Shape& shape, std::uint64_t seed) : here(random_tensor<T, Device>(shape, seed)) { convert(here, there); }
};

/// The largest difference, relative to the largest value.
template <class T>
double off(const Tensor<T, Device>& result, const Tensor<double, Reference>& expected) {
  Tensor<double> a, b;
  convert(result, a), convert(expected, b);
  return difference(a, b);
}

template <class T>
void compare_products(const GemmGeometry& g, bool with_bias, bool exact) {
  CAPTURE(g.m);
  CAPTURE(g.n);
  CAPTURE(g.k);
  CAPTURE(g.transpose_a);
  CAPTURE(g.transpose_b);
  CAPTURE(exact);
  const Operand<T> a({g.m, g.k}, 1), b({g.k, g.n}, 2), bias({g.n}, 3);
  Operand<T> c({g.m, g.n}, 4);
  if (!g.accumulate) c.here = Tensor<T, Device>(Shape{g.m, g.n});  // nothing of it may be read
  Context<Device> context;
  context.set_exact_products(exact);
  Context<Reference> reference;
  GemmKernels<Device>::multiply(context, g, a.here.data(), b.here.data(), c.here.data(), with_bias ? bias.here.data() : nullptr);
  GemmKernels<Reference>::multiply(reference, g, a.there.data(), b.there.data(), c.there.data(), with_bias ? bias.there.data() : nullptr);
  CHECK(off(c.here, c.there) < tolerance_of<T>(exact));
}

template <class T>
void compare_convolutions(const ConvCase& conv_case, bool exact, LibraryConvolutions library) {
  const Conv2dGeometry g = for_tests(conv_case);
  CAPTURE(conv_case.name);
  CAPTURE(exact);
  CAPTURE(static_cast<int>(library));
  const Operand<T> x(g.image_shape(), 1), w(g.filter_shape(), 2), dy(g.output_shape(), 3), bias_o({g.o}, 4), bias_c({g.c}, 5);
  Context<Device> context;
  context.set_exact_products(exact);
  context.set_library_convolutions(library);
  Context<Reference> reference;
  for (const bool with_bias : {false, true}) {
    CAPTURE(with_bias);
    Operand<T> y(g.output_shape(), 6), dx(g.image_shape(), 7);
    y.here = Tensor<T, Device>(g.output_shape()), dx.here = Tensor<T, Device>(g.image_shape());
    Conv2dKernels<Device>::forward(context, g, x.here.data(), w.here.data(), y.here.data(), with_bias ? bias_o.here.data() : nullptr);
    Conv2dKernels<Reference>::forward(reference, g, x.there.data(), w.there.data(), y.there.data(), with_bias ? bias_o.there.data() : nullptr);
    CHECK(off(y.here, y.there) < tolerance_of<T>(exact));
    Conv2dKernels<Device>::backward_data(context, g, dy.here.data(), w.here.data(), dx.here.data(), with_bias ? bias_c.here.data() : nullptr);
    Conv2dKernels<Reference>::backward_data(reference, g, dy.there.data(), w.there.data(), dx.there.data(), with_bias ? bias_c.there.data() : nullptr);
    CHECK(off(dx.here, dx.there) < tolerance_of<T>(exact));
  }
  for (const bool accumulate : {false, true}) {
    CAPTURE(accumulate);
    Operand<T> dw(g.filter_shape(), 8);
    if (!accumulate) dw.here = Tensor<T, Device>(g.filter_shape());
    Conv2dKernels<Device>::backward_weights(context, g, x.here.data(), dy.here.data(), dw.here.data(), accumulate);
    Conv2dKernels<Reference>::backward_weights(reference, g, x.there.data(), dy.there.data(), dw.there.data(), accumulate);
    CHECK(off(dw.here, dw.there) < tolerance_of<T>(exact));
  }
}

template <class D, class T>
void in_every_direction(Context<D>& context, const Conv2dGeometry& g, const T* x, const T* w, const T* dy, T* y, T* dx, T* dw) {
  Conv2dKernels<D>::forward(context, g, x, w, y);
  Conv2dKernels<D>::backward_data(context, g, dy, w, dx);
  Conv2dKernels<D>::backward_weights(context, g, x, dy, dw);
}

/// x[i] := 1000·x[i] + column, twice for an element that is visited twice
struct CountVisits {
  double* x;
  NASH_HOST_DEVICE void operator()(index_t i) const { x[i] = 1000 * x[i] + 1; }
  NASH_HOST_DEVICE void operator()(index_t i, index_t column) const { x[i] = 1000 * x[i] + static_cast<double>(column); }
};

/// Σ x, Σ x², Σ column·x
template <class T>
struct ThreeSums {
  static constexpr int sums = 3;
  const T* x;
  NASH_HOST_DEVICE void operator()(index_t i, index_t column, T* terms) const {
    terms[0] = x[i];
    terms[1] = x[i] * x[i];
    terms[2] = static_cast<T>(column) * x[i];
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a GPU's products are those of the naive loops", T, float, double) {
  for (const auto& [m, n, k] : {std::array<index_t, 3>{1, 1, 1}, {5, 7, 3}, {33, 17, 65}, {64, 1, 130}, {1, 40, 9}, {3, 4, 0}, {0, 4, 3}})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const bool exact : {true, false}) {
          compare_products<T>({.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b}, false, exact);
          compare_products<T>({.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b}, true, exact);
          compare_products<T>({.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = true}, false, exact);
        }
}

TEST_CASE_TEMPLATE("a GPU's convolutions are those of the naive loops, in every direction", T, float, double) {
  for (const ConvCase& conv_case : conv_cases)
    for (const bool exact : {true, false})
      if (exact || std::is_same_v<T, float>) compare_convolutions<T>(conv_case, exact, LibraryConvolutions::none);
}

TEST_CASE("patches that do not fit into memory at once give gradients of weights in pieces, written first and then added to") {
  // Those of one image are more than half of what is there at a time.
  const Conv2dGeometry g{.n = 2, .h = 8, .w = 8, .c = 3300, .o = 1, .r = 8, .s = 8, .padding_h = 4, .padding_w = 4};
  REQUIRE(2 * g.p() * g.q() * g.r * g.s * g.c > index_t{1} << 25);
  const Operand<float> x(g.image_shape(), 1), dy(g.output_shape(), 2);
  Operand<float> dw(g.filter_shape(), 3);
  dw.here = Tensor<float, Device>(g.filter_shape());  // nothing of it may be read
  Context<Device> context;
  context.set_exact_products(true);
  Context<Reference> reference;
  Conv2dKernels<Device>::backward_weights(context, g, x.here.data(), dy.here.data(), dw.here.data(), false);
  Conv2dKernels<Reference>::backward_weights(reference, g, x.there.data(), dy.there.data(), dw.there.data(), false);
  CHECK(off(dw.here, dw.there) < tolerance_of<float>(true));
}

TEST_CASE("a library's convolutions are those of the naive loops, and those that it lacks are nash's own") {
  [[maybe_unused]] const LibraryOfConvolutions library;
  for (const ConvCase& conv_case : conv_cases)
    for (const bool exact : {true, false}) compare_convolutions<float>(conv_case, exact, LibraryConvolutions::all);
}

TEST_CASE("a library's convolutions are those of the naive loops wherever operands begin") {
  [[maybe_unused]] const LibraryOfConvolutions library;
  Context<Device> context;
  context.set_exact_products(true);
  context.set_library_convolutions(LibraryConvolutions::all);
  Context<Reference> reference;
  const Conv2dGeometry g{.n = 2, .h = 5, .w = 6, .c = 8, .o = 12, .r = 3, .s = 2, .stride_h = 2, .padding_h = 1, .padding_w = 1};
  for (const index_t which : {0, 1, 2})
    for (const index_t begin : {1, 2, 4}) {
      CAPTURE(which);
      CAPTURE(begin);
      const index_t at_image = which == 0 ? begin : 0, at_filter = which == 1 ? begin : 0, at_output = which == 2 ? begin : 0;
      const Shape images{at_image + g.image_shape().count() + 5}, filters{at_filter + g.filter_shape().count() + 5};
      const Shape outputs{at_output + g.output_shape().count() + 5};
      const Operand<float> x(images, 1), w(filters, 2), dy(outputs, 3);
      Operand<float> y(outputs, 4), dx(images, 5), dw(filters, 6);
      in_every_direction(context, g, x.here.data() + at_image, w.here.data() + at_filter, dy.here.data() + at_output, y.here.data() + at_output,
                         dx.here.data() + at_image, dw.here.data() + at_filter);
      in_every_direction(reference, g, x.there.data() + at_image, w.there.data() + at_filter, dy.there.data() + at_output, y.there.data() + at_output,
                         dx.there.data() + at_image, dw.there.data() + at_filter);
      CHECK(off(y.here, y.there) < exact_tolerance);  // and nothing before or behind
      CHECK(off(dx.here, dx.there) < exact_tolerance);
      CHECK(off(dw.here, dw.there) < exact_tolerance);
    }
}

TEST_CASE("a GPU's maps visit every element once, and know its column") {
  Context<Device> context;
  for (const index_t count : {1, 255, 256, 1023, 1024, 1025, 5000}) {
    CAPTURE(count);
    auto x = Tensor<double, Device>::zeros(Shape{count});
    pointwise(context, count, CountVisits{x.data()});
    CHECK(x.to_host() == std::vector<double>(static_cast<std::size_t>(count), 1));
  }
  for (const auto& size : {std::pair<index_t, index_t>{1, 1}, {1, 700}, {300, 1}, {37, 5}, {129, 64}, {0, 3}, {3, 0}}) {
    const index_t rows = size.first, columns = size.second;
    CAPTURE(rows);
    CAPTURE(columns);
    auto x = Tensor<double, Device>::filled(Shape{rows, columns}, 1);
    pointwise_in_rows(context, rows, columns, CountVisits{x.data()});
    const auto values = x.to_host();
    for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == 1000 + static_cast<double>(static_cast<index_t>(i) % columns));
  }
}

TEST_CASE_TEMPLATE("a GPU's maps by 16 bytes are those by single elements, wherever operands begin and whatever their sizes", T, float, double) {
  Context<Device> context;
  Context<Reference> reference;
  for (const index_t begin_x : {0, 1, 4})
    for (const index_t begin_y : {0, 2, 4})
      for (const index_t count : {1, 3, 4, 5, 1024, 2047, 2050, 5003}) {
        CAPTURE(begin_x);
        CAPTURE(begin_y);
        CAPTURE(count);
        const Operand<T> x({begin_x + count + 5}, 1);
        const Operand<T> before({begin_y + count + 5}, 2);
        Operand<T> y = before;
        pointwise(context, count, Accumulate<T>{x.here.data() + begin_x, y.here.data() + begin_y});
        pointwise(reference, count, Accumulate<double>{x.there.data() + begin_x, y.there.data() + begin_y});
        CHECK(off(y.here, y.there) < 1e-7);  // and nothing before or behind
        pointwise(context, count, Scale<T>{y.here.data() + begin_y, 3, y.here.data() + begin_y});  // in place
        pointwise(reference, count, Scale<double>{y.there.data() + begin_y, 3, y.there.data() + begin_y});
        CHECK(off(y.here, y.there) < 1e-7);
      }
  for (const auto& size : {std::pair<index_t, index_t>{3, 4}, {5, 6}, {300, 8}, {7, 5}, {129, 64}})
    for (const index_t begin : {0, 1, 4}) {
      const index_t rows = size.first, columns = size.second;
      CAPTURE(rows);
      CAPTURE(columns);
      CAPTURE(begin);
      const Operand<T> x({rows * columns + 4}, 1), table({4, columns + 4}, 2);
      Operand<T> y({rows * columns + 4}, 3);
      const auto apply = [&](auto& with, const auto* from, const auto* values, auto* to) {
        using U = std::remove_cvref_t<decltype(*to)>;
        const index_t row = columns + 4;
        pointwise_in_rows(with, rows, columns, Normalize<U>{{}, from + begin, values + begin, values + row, values + 2 * row, values + 3 * row, to + begin});
      };
      apply(context, x.here.data(), table.here.data(), y.here.data());
      apply(reference, x.there.data(), table.there.data(), y.there.data());
      CHECK(off(y.here, y.there) < 1e-6);
    }
}

TEST_CASE("a GPU's sums are those of the naive loops, the same bits each time") {
  Context<Device> context;
  Context<Reference> reference;
  for (const index_t count : {0, 1, 255, 4096, 4097, 100003}) {
    CAPTURE(count);
    const Operand<float> x({count}, 1);
    const double total = sum(context, count, Square<float>{x.here.data()});
    CHECK(total == doctest::Approx(sum(reference, count, Square<double>{x.there.data()})).epsilon(1e-13));
    CHECK(total == sum(context, count, Square<float>{x.here.data()}));
  }
  for (const auto& size : {std::pair<index_t, index_t>{1, 1}, {5000, 1}, {0, 4}, {7, 3}, {300, 32}, {129, 33}, {65, 200}, {4100, 17}, {20000, 3}, {3000, 600}}) {
    const index_t rows = size.first, columns = size.second;
    CAPTURE(rows);
    CAPTURE(columns);
    const Operand<float> x({rows, columns}, 2);
    Tensor<float, Device> sums(Shape{3, columns}), again(Shape{3, columns});
    Tensor<double, Reference> expected(Shape{3, columns});
    sum_columns(context, rows, columns, ThreeSums<float>{x.here.data()}, sums.data());
    sum_columns(context, rows, columns, ThreeSums<float>{x.here.data()}, again.data());
    sum_columns(reference, rows, columns, ThreeSums<double>{x.there.data()}, expected.data());
    CHECK(off(sums, expected) < 1e-6);
    CHECK(sums.to_host() == again.to_host());
  }
}

TEST_CASE("a GPU's sums of rows are those of the naive loops, the same bits each time") {
  Context<Device> context;
  Context<Reference> reference;
  for (const auto& size : {std::pair<index_t, index_t>{1, 1}, {5000, 1}, {0, 4}, {4, 0}, {7, 3}, {300, 32}, {129, 33}, {65, 200}, {9, 5000}, {1, 100003}}) {
    const index_t rows = size.first, columns = size.second;
    CAPTURE(rows);
    CAPTURE(columns);
    const Operand<float> x({rows, columns}, 2);
    Tensor<double, Device> sums(Shape{rows}), again(Shape{rows});
    Tensor<double, Reference> expected(Shape{rows});
    sum_rows(context, rows, columns, Square<float>{x.here.data()}, sums.data());
    sum_rows(context, rows, columns, Square<float>{x.here.data()}, again.data());
    sum_rows(reference, rows, columns, Square<double>{x.there.data()}, expected.data());
    CHECK(off(sums, expected) < 1e-13);
    CHECK(sums.to_host() == again.to_host());
  }
}

TEST_CASE("a GPU's sums leave their results alone where an update must not be") {
  Context<Device> context;
  const auto x = Tensor<float, Device>::filled(Shape{70, 9}, 1);
  const auto infinite = Tensor<double, Device>::filled(Shape{1}, std::numeric_limits<double>::infinity());
  auto columns = Tensor<float, Device>::filled(Shape{9}, 5);
  auto rows = Tensor<double, Device>::filled(Shape{70}, 5);
  context.expect_readings(1);
  {
    const auto later = context.read_later(true);
    (void)context.read(infinite.data());
  }
  {
    const auto update = context.updating(true);
    sum_columns(context, 70, 9, ColumnValue<float>{x.data()}, columns.data());
    sum_rows(context, 70, 9, Square<float>{x.data()}, rows.data());
  }
  (void)context.readings();
  CHECK(columns.to_host() == std::vector<float>(9, 5));
  CHECK(rows.to_host() == std::vector<double>(70, 5));
}

TEST_CASE("a GPU draws the numbers that the Cpu draws") {
  Context<Device> context;
  Context<Cpu> cpu;
  const RandomStream random = RandomStream(3).child(7);
  Tensor<float, Device> here(Shape{1001});
  Tensor<float> there(Shape{1001}), fetched;
  const auto check = [&](double ulps) {
    convert(here, fetched);
    for (index_t i = 0; i < there.count(); ++i)
      REQUIRE(std::abs(fetched[i] - there[i]) <= ulps * static_cast<double>(std::numeric_limits<float>::epsilon()) * std::abs(there[i]));
  };
  fill_uniform(context, random, -2, 3, here.count(), here.data());
  fill_uniform(cpu, random, -2, 3, there.count(), there.data());
  check(0);
  fill_normal(context, random, 0, 1, here.count(), here.data());
  fill_normal(cpu, random, 0, 1, there.count(), there.data());
  check(1);
  pointwise(context, here.count(), FillTruncatedNormal<float>{random, 0.02, here.data()});
  pointwise(cpu, there.count(), FillTruncatedNormal<float>{random, 0.02, there.data()});
  check(1);
}
