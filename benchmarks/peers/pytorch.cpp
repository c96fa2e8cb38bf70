// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "peers/peer.hpp"
#include "support/child_process.hpp"

namespace benchmark {
namespace {

/// PyTorch lives in a process of its own, whose libraries do not mix with those of the other peers. It has a copy of the operands and
/// takes the time itself, so that the way between the processes does not count.
class Torch {
 public:
  Torch(const std::string& python, int threads)
      : process_({python, NASH_TORCH_KERNELS, std::to_string(threads)}), version_(process_.read_line()) {}

  const std::string& version() const { return version_; }
  bool runs() const { return runs_; }

  template <class... Operands>
  void pose(const std::string& problem, const Operands&... operands) {
    process_.write(problem);
    (process_.write(operands.first, static_cast<std::size_t>(operands.second)), ...);
  }

  double seconds(int repeats) {
    return answer([&] {
      process_.write(nash::concat({"time ", repeats}));
      return std::stod(process_.read_line());
    });
  }

  std::vector<float> result() {
    return answer([&] {
      process_.write("result");
      std::vector<float> values(std::stoul(process_.read_line()) / sizeof(float));
      process_.read(values.data(), values.size());
      return values;
    });
  }

 private:
  template <class Function>
  std::invoke_result_t<Function> answer(const Function& f) {
    try {
      return f();
    } catch (...) {
      runs_ = false;  // so that only this case is lost
      throw;
    }
  }

  ChildProcess process_;
  std::string version_;
  bool runs_ = true;
};

Contender contender(const std::shared_ptr<Torch>& torch) {
  return {"PyTorch", [torch] { torch->seconds(1); }, [torch] { return torch->result(); }, [torch](int repeats) { return torch->seconds(repeats); }};
}

std::vector<Contender> convolution(const std::shared_ptr<Torch>& torch, const ConvProblem& problem) {
  if (!torch->runs()) return {};
  const nash::Conv2dGeometry& g = problem.geometry();
  const auto of = [](const nash::Tensor<float>& tensor) { return std::pair(tensor.data(), tensor.count()); };
  torch->pose(nash::concat({"conv2d ", name_of(problem.direction()), " ", g.n, " ", g.h, " ", g.w, " ", g.c, " ", g.o, " ", g.r, " ", g.s, " ", g.stride_h,
                           " ", g.stride_w, " ", g.padding_h, " ", g.padding_w}),
              of(problem.image()), of(problem.filters()), of(problem.output()));
  return {contender(torch)};
}

std::vector<Contender> product(const std::shared_ptr<Torch>& torch, const GemmProblem& problem) {
  if (!torch->runs()) return {};
  const nash::GemmGeometry& g = problem.geometry();
  torch->pose(nash::concat({"gemm ", g.m, " ", g.n, " ", g.k, " ", int{g.transpose_a}, " ", int{g.transpose_b}, " ", int{g.accumulate}}),
              std::pair(problem.a(), g.m * g.k), std::pair(problem.b(), g.k * g.n));
  return {contender(torch)};
}

}  // namespace

Peer make_pytorch(int threads, const std::string& python) {
  if (python.empty()) return {.name = "PyTorch", .version = ""};
  try {
    const auto torch = std::make_shared<Torch>(python, threads);
    return {.name = "PyTorch",
            .version = torch->version(),
            .convolutions = [torch](const ConvProblem& problem) { return convolution(torch, problem); },
            .products = [torch](const GemmProblem& problem) { return product(torch, problem); }};
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "PyTorch: %s\n", error.what());
    return {.name = "PyTorch", .version = ""};
  }
}

}  // namespace benchmark
