// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <memory>

#include "peers/peer.hpp"

namespace benchmark {
namespace {

Contender product(const GemmProblem& problem) {
  const auto c = std::make_shared<std::vector<float>>(static_cast<std::size_t>(problem.geometry().m * problem.geometry().n));
  const auto run = [&problem, c] {
    const nash::GemmGeometry& g = problem.geometry();
    const auto transposed = [](bool is) { return is ? CblasTrans : CblasNoTrans; };
    cblas_sgemm(CblasRowMajor, transposed(g.transpose_a), transposed(g.transpose_b), static_cast<blasint>(g.m), static_cast<blasint>(g.n),
                static_cast<blasint>(g.k), 1, problem.a(), static_cast<blasint>(g.transpose_a ? g.m : g.k), problem.b(),
                static_cast<blasint>(g.transpose_b ? g.k : g.n), g.accumulate ? 1 : 0, c->data(), static_cast<blasint>(g.n));
  };
  return {"OpenBLAS", run, [run, c] {
            std::fill(c->begin(), c->end(), 0.0f);
            run();
            return *c;
          }};
}

/// The version in "OpenBLAS 0.3.21 NO_AFFINITY USE_OPENMP SkylakeX MAX_THREADS=64".
std::string version_in(const std::string& configuration) {
  const std::size_t begin = configuration.find(' ') + 1;
  return configuration.substr(begin, configuration.find(' ', begin) - begin);
}

}  // namespace

Peer make_openblas(int threads) {
  openblas_set_num_threads(threads);
  return {.name = "OpenBLAS", .version = version_in(openblas_get_config()), .products = [](const GemmProblem& problem) {
            return std::vector{product(problem)};
          }};
}

}  // namespace benchmark
