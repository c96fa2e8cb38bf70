// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/conv_problem.hpp"
#include "support/gemm_problem.hpp"

namespace benchmark {

/// Another library that computes the same. Each has a source file of its own, and no_<name>.cpp stands in for one that was not
/// found when this was configured. Contenders refer to the problem that they were made for.
struct Peer {
  std::string name;
  std::string version;  ///< empty where it is not there
  std::function<std::vector<Contender>(const ConvProblem&)> convolutions = [](const ConvProblem&) { return std::vector<Contender>(); };
  std::function<std::vector<Contender>(const GemmProblem&)> products = [](const GemmProblem&) { return std::vector<Contender>(); };
};

/// All peers, for this number of threads; PyTorch is the one of this Python.
std::vector<Peer> make_peers(int threads, const std::string& python);

Peer make_onednn(int threads);
Peer make_eigen(int threads);
Peer make_openblas(int threads);
Peer make_pytorch(int threads, const std::string& python);

}  // namespace benchmark
