// SPDX-License-Identifier: Apache-2.0
#include <dnnl.hpp>
#include <memory>

#include "peers/peer.hpp"

namespace benchmark {
namespace {

using dnnl::memory;

/// A convolution in the layouts that oneDNN likes best for filters and, unless images are to stay N×H×W×C, for them too.
/// Reordering from and to nash's layout is not timed.
class Convolution {
 public:
  Convolution(const ConvProblem& problem, memory::format_tag images) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const nash::Conv2dGeometry& g = problem.geometry();
    const memory::dims x{g.n, g.c, g.h, g.w}, w{g.o, g.c, g.r, g.s}, y{g.n, g.o, g.p(), g.q()};
    const memory::dims strides{g.stride_h, g.stride_w}, before{g.padding_h, g.padding_w};
    // What the last filter does not reach counts as negative padding.
    const memory::dims after{(g.p() - 1) * g.stride_h + g.r - g.h - g.padding_h, (g.q() - 1) * g.stride_w + g.s - g.w - g.padding_w};
    const auto described = [](const memory::dims& dims, memory::format_tag tag) { return memory::desc(dims, memory::data_type::f32, tag); };
    const memory::desc any_x = described(x, images), any_w = described(w, memory::format_tag::any), any_y = described(y, images);
    const auto direct = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::primitive_desc forward(
        {problem.direction() == Direction::forward ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training, direct, any_x, any_w,
         any_y, strides, before, after},
        engine_);

    const auto nash_x = memory(described(x, memory::format_tag::nhwc), engine_, const_cast<float*>(problem.image().data()));
    const auto nash_w = memory(described(w, memory::format_tag::ohwi), engine_, const_cast<float*>(problem.filters().data()));
    const auto nash_y = memory(described(y, memory::format_tag::nhwc), engine_, const_cast<float*>(problem.output().data()));
    if (problem.direction() == Direction::forward) {
      primitive_ = dnnl::convolution_forward(forward);
      arguments_ = {{DNNL_ARG_SRC, operand(nash_x, forward.src_desc())}, {DNNL_ARG_WEIGHTS, operand(nash_w, forward.weights_desc())}};
      set_result(DNNL_ARG_DST, forward.dst_desc(), nash_y);
    } else if (problem.direction() == Direction::backward_data) {
      const dnnl::convolution_backward_data::primitive_desc backward({direct, any_x, any_w, any_y, strides, before, after}, engine_, forward);
      primitive_ = dnnl::convolution_backward_data(backward);
      arguments_ = {{DNNL_ARG_DIFF_DST, operand(nash_y, backward.diff_dst_desc())}, {DNNL_ARG_WEIGHTS, operand(nash_w, backward.weights_desc())}};
      set_result(DNNL_ARG_DIFF_SRC, backward.diff_src_desc(), nash_x);
    } else {
      const dnnl::convolution_backward_weights::primitive_desc backward({direct, any_x, any_w, any_y, strides, before, after}, engine_, forward);
      primitive_ = dnnl::convolution_backward_weights(backward);
      arguments_ = {{DNNL_ARG_DIFF_DST, operand(nash_y, backward.diff_dst_desc())}, {DNNL_ARG_SRC, operand(nash_x, backward.src_desc())}};
      set_result(DNNL_ARG_DIFF_WEIGHTS, backward.diff_weights_desc(), nash_w);
    }
  }

  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

  std::vector<float> result() {
    run();
    std::vector<float> values(result_.get_size() / sizeof(float));
    memory in_nash_layout(result_, engine_, values.data());
    reorder(memory_of_result_, in_nash_layout);
    return values;
  }

 private:
  memory operand(const memory& source, const memory::desc& wanted) {
    memory own(wanted, engine_);
    reorder(source, own);
    return own;
  }
  void set_result(int argument, const memory::desc& own, const memory& in_nash_layout) {
    memory_of_result_ = memory(own, engine_);
    result_ = in_nash_layout.get_desc();
    arguments_[argument] = memory_of_result_;
  }
  void reorder(memory from, memory to) {
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
  memory memory_of_result_;
  memory::desc result_;
};

Contender convolution(const char* name, const ConvProblem& problem, memory::format_tag images) {
  const auto own = std::make_shared<Convolution>(problem, images);
  return {name, [own] { own->run(); }, [own] { return own->result(); }};
}

Contender product(const GemmProblem& problem) {
  const auto c = std::make_shared<std::vector<float>>(static_cast<std::size_t>(problem.geometry().m * problem.geometry().n));
  const auto run = [&problem, c] {
    const nash::GemmGeometry& g = problem.geometry();
    dnnl_sgemm(g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', g.m, g.n, g.k, 1, problem.a(), g.transpose_a ? g.m : g.k, problem.b(),
               g.transpose_b ? g.k : g.n, g.accumulate ? 1.0f : 0.0f, c->data(), g.n);
  };
  return {"oneDNN", run, [run, c] {
            std::fill(c->begin(), c->end(), 0.0f);
            run();
            return *c;
          }};
}

}  // namespace

Peer make_onednn(int) {  // it takes the threads of OpenMP
  const dnnl_version_t& version = *dnnl_version();
  return {.name = "oneDNN",
          .version = nash::concat({version.major, ".", version.minor, ".", version.patch}),
          .convolutions =
              [](const ConvProblem& problem) {
                return std::vector{convolution("oneDNN", problem, memory::format_tag::any),
                                   convolution("oneDNN NHWC", problem, memory::format_tag::nhwc)};
              },
          .products = [](const GemmProblem& problem) { return std::vector{product(problem)}; }};
}

}  // namespace benchmark
