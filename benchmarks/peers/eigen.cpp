// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "peers/eigen_product.hpp"
#include "peers/peer.hpp"

namespace benchmark {
namespace {

Contender product(const GemmProblem& problem) {
  const auto c = std::make_shared<std::vector<float>>(static_cast<std::size_t>(problem.geometry().m * problem.geometry().n));
  const auto run = [&problem, c] {
    const nash::GemmGeometry& g = problem.geometry();
    eigen_product(g.m, g.n, g.k, g.transpose_a, g.transpose_b, g.accumulate, problem.a(), problem.b(), c->data());
  };
  return {"Eigen", run, [run, c] {
            std::fill(c->begin(), c->end(), 0.0f);
            run();
            return *c;
          }};
}

}  // namespace

Peer make_eigen(int threads) {
  set_eigen_threads(threads);
  return {.name = "Eigen", .version = eigen_version(), .products = [](const GemmProblem& problem) { return std::vector{product(problem)}; }};
}

}  // namespace benchmark
