// SPDX-License-Identifier: Apache-2.0
#include "nash/sample/class_grid.hpp"

#include "nash/nn/conditional_concat.hpp"
#include "stand_in.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

template <class Device = Cpu>
auto conditional_generator(const Latent& latent = Latent::normal(4)) {
  Generator g{latent, Sequential{ConditionalConcat<double, Device>{3}, Dense<double, Device>{latent.size() + 3, 6}, Tanh<double, Device>{}}};
  g.initialise(1);
  return g;
}

/// One that is told no class.
auto plain_generator(const Latent& latent) {
  Generator g{latent, Sequential{Dense<double>{latent.size(), 6}, Tanh<double>{}}};
  g.initialise(1);
  return g;
}

template <class T>
std::vector<T> row_of(const Tensor<T>& tensor, index_t n) {
  const index_t size = tensor.shape().count_per_sample();
  return {tensor.begin() + n * size, tensor.begin() + (n + 1) * size};
}

}  // namespace

TEST_CASE("rows of a class grid are classes, columns latents, and its samples what the generator makes of both") {
  Context<Cpu> context(1);
  const auto g = conditional_generator();
  const ClassGrid grid(context, g, RandomStream(5), 4);
  REQUIRE(grid.rows() == 3);
  REQUIRE(grid.columns() == 4);
  REQUIRE(grid.latents().shape() == Shape{12, 4});
  REQUIRE(grid.labels().count == 12);
  CHECK(grid.labels().classes == 3);
  const auto samples = grid.samples(context, g);
  CHECK(samples.shape() == Shape{12, 6});
  for (index_t n = 0; n < 12; ++n) {
    CHECK(grid.labels().values[n] == n / 4);
    CHECK(row_of(grid.latents(), n) == row_of(grid.latents(), n % 4));
    if (n % 4 > 0) CHECK(row_of(grid.latents(), n) != row_of(grid.latents(), n - 1));
    Tensor<double> one;
    const Labels<> label(std::vector<std::int32_t>{static_cast<std::int32_t>(n / 4)}, 3);
    g.generate(context, Tensor<double>({1, 4}, row_of(grid.latents(), n)), one, label.view());
    CHECK(relative_difference(row_of(samples, n), one.to_host()) < 1e-12);
    if (n >= 4) CHECK(row_of(samples, n) != row_of(samples, n - 4));
  }
  CHECK(ClassGrid(context, g, RandomStream(5), 2).latents().to_host() == [&] {  // the same latents, fewer of them
    std::vector<double> fewer;
    for (const index_t n : {0, 1, 4, 5, 8, 9}) {
      const auto row = row_of(grid.latents(), n);
      fewer.insert(fewer.end(), row.begin(), row.end());
    }
    return fewer;
  }());
}

TEST_CASE("latents around the means of their classes have the noise of a column in common") {
  Context<Cpu> context(1);
  const ClassGrid grid(context, plain_generator(Latent::class_normal(3, 4, 2, 0.5)), RandomStream(5), 3);
  REQUIRE(grid.rows() == 4);
  for (index_t k = 1; k < 4; ++k)
    for (index_t i = 0; i < 3; ++i) {  // the difference of two means, the same in every column
      const auto between = [&](index_t column) { return grid.latents()[(3 * k + column) * 3 + i] - grid.latents()[column * 3 + i]; };
      CHECK(between(0) != 0);
      for (index_t column = 1; column < 3; ++column) CHECK(between(column) == doctest::Approx(between(0)).epsilon(1e-12));
    }
}

TEST_CASE("where a class is a category of the latents, it is written there, and all else is shared") {
  Context<Cpu> context(1);
  const auto g = plain_generator(Latent::normal(2).with_category(3).with_category(2).with_continuous(1));
  const ClassGrid grid(context, g, RandomStream(5), 4);
  REQUIRE(grid.rows() == 3);
  CHECK(grid.labels().count == 0);
  for (index_t n = 0; n < 12; ++n) {
    auto latent = row_of(grid.latents(), n), first = row_of(grid.latents(), n % 4);
    for (index_t k = 0; k < 3; ++k) {
      CHECK(latent[static_cast<std::size_t>(2 + k)] == (k == n / 4 ? 1 : 0));
      latent[static_cast<std::size_t>(2 + k)] = first[static_cast<std::size_t>(2 + k)];
    }
    CHECK(latent == first);
  }
  CHECK(grid.samples(context, g).shape() == Shape{12, 6});
  // A generator that is told labels has these in its rows, and its category as it was drawn.
  const ClassGrid told(context, conditional_generator(Latent::normal(2).with_category(5)), RandomStream(5), 4);
  CHECK(told.rows() == 3);
  for (index_t n = 4; n < 12; ++n) CHECK(row_of(told.latents(), n) == row_of(told.latents(), n % 4));
}

TEST_CASE("a class grid on a GPU's stand-in is that on the Cpu") {
  Context<Cpu> context(1);
  Context<StandIn> other(1);
  const auto g = conditional_generator();
  const auto h = g.to<double, StandIn>();
  CHECK(relative_difference(ClassGrid(other, h, RandomStream(5), 4).samples(other, h).to_host(), ClassGrid(context, g, RandomStream(5), 4).samples(context, g).to_host()) < 1e-12);
  const auto infogan = plain_generator(Latent::normal(2).with_category(3));
  const auto there = infogan.to<double, StandIn>();
  CHECK(relative_difference(ClassGrid(other, there, RandomStream(5), 4).latents().to_host(), ClassGrid(context, infogan, RandomStream(5), 4).latents().to_host()) < 1e-12);
}

TEST_CASE("what a class grid refuses") {
  Context<Cpu> context(1);
  CHECK(message_of<ShapeError>([&] { ClassGrid(context, plain_generator(Latent::normal(3)), RandomStream(1), 4); }) ==
        "ClassGrid: expected a generator that knows classes, by labels or as a category of its latents, got one that knows none.\n"
        "Draw its samples by generate().");
  CHECK(message_of<ShapeError>([&] { ClassGrid(context, conditional_generator(), RandomStream(1), 0); }).starts_with("ClassGrid: expected a number of columns of at least 1, got 0"));
}
