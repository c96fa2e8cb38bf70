// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/spectral_weight.hpp"

#include <Eigen/SVD>

#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A matrix that is bound, as in a network, and the layer's own parameter, which becomes Ŵ.
struct WeightProblem {
  using Matrix = Eigen::Matrix<double, -1, -1, Eigen::RowMajor>;
  static constexpr index_t rows = 3, columns = 4;

  Parameter<double, Cpu> normalised{Shape{rows, columns}, Init::normal(1), {.in = columns, .out = rows, .rows = rows}};
  SpectralWeight<double, Cpu> weight;
  std::vector<double> flat = std::vector<double>(rows * columns);
  Context<Cpu> context{1};

  WeightProblem() {
    normalised.initialise(context, RandomStream(1));
    weight = SpectralWeight<double, Cpu>(normalised);
    weight.u().initialise(context, RandomStream(2));
    weight.v().initialise(context, RandomStream(3));
    weight.weight().bind(flat.data(), 0);
  }
  Eigen::Map<const Matrix> original() const { return {flat.data(), rows, columns}; }
  Eigen::Map<const Matrix> result() const { return {normalised.data(), rows, columns}; }
  double sigma_by_vectors() {
    const Eigen::Map<const Eigen::VectorXd> u(weight.u().value().data(), rows), v(weight.v().value().data(), columns);
    return u.dot(original() * v);
  }
};

}  // namespace

TEST_CASE("a spectral weight is W over u·W·v, whatever these are, and the power iteration makes them W's first singular vectors") {
  WeightProblem problem;
  problem.weight.restore(problem.context, problem.normalised);
  CHECK(problem.weight.sigma() == doctest::Approx(problem.sigma_by_vectors()).epsilon(1e-12));
  CHECK((problem.result() - problem.original() / problem.sigma_by_vectors()).norm() < 1e-12);

  problem.weight.refresh(problem.context, 200, problem.normalised);
  const Eigen::JacobiSVD<WeightProblem::Matrix> svd(problem.original(), Eigen::ComputeThinU | Eigen::ComputeThinV);
  CHECK(problem.weight.sigma() == doctest::Approx(svd.singularValues()(0)).epsilon(1e-12));
  const Eigen::Map<const Eigen::VectorXd> u(problem.weight.u().value().data(), problem.rows), v(problem.weight.v().value().data(), problem.columns);
  CHECK(std::abs(u.dot(svd.matrixU().col(0))) == doctest::Approx(1));
  CHECK(std::abs(v.dot(svd.matrixV().col(0))) == doctest::Approx(1));
}

TEST_CASE("a gradient of the normalised weight becomes one of the weight, by differences with u and v held, and is added") {
  WeightProblem problem;
  problem.weight.refresh(problem.context, 1, problem.normalised);
  const auto c = random_tensor(problem.normalised.shape(), 9);  // of the loss ⟨c, Ŵ⟩
  const auto loss = [&] {
    double total = 0;
    problem.weight.restore(problem.context, problem.normalised);
    for (index_t i = 0; i < c.count(); ++i) total += c[i] * problem.normalised.data()[i];
    return total;
  };

  Tensor<double> flat_gradient = Tensor<double>::filled({problem.normalised.count()}, 0.5);
  Gradients<double, Cpu> gradients(flat_gradient);
  loss();
  problem.weight.through(problem.context, problem.normalised, gradients, [&](Gradients<double, Cpu>& inner) {
    double* const own = inner.of(problem.normalised);
    CHECK(own != flat_gradient.data());
    for (index_t i = 0; i < c.count(); ++i) own[i] += c[i];
  });
  for (std::size_t i = 0; i < problem.flat.size(); ++i) {
    constexpr double step = 1e-5;
    const double before = std::exchange(problem.flat[i], problem.flat[i] + step), above = loss();
    problem.flat[i] = before - step;
    const double below = loss();
    problem.flat[i] = before;
    CHECK(flat_gradient[static_cast<index_t>(i)] - 0.5 == doctest::Approx((above - below) / (2 * step)).epsilon(1e-7));
  }
}

TEST_CASE("a weight of zeros has the norm 0 and stays") {
  WeightProblem problem;
  std::fill(problem.flat.begin(), problem.flat.end(), 0.0);
  problem.weight.refresh(problem.context, 3, problem.normalised);
  CHECK(problem.weight.sigma() == 0);
  CHECK(problem.result().norm() == 0);
}
