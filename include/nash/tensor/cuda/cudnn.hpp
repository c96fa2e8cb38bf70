// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/cuda/cudnn_descriptor.hpp"

#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "nash/tensor/gpu/driver.hpp"

namespace nash::cuda {

/// Throws DeviceError unless a version, as cudnnGetVersion() has it, is of the major version that the program was compiled for.
inline void require_cudnn_version(std::size_t found) {
  const std::size_t major = found / (found < 90000 ? 1000 : 10000);  // 8.9.7 is 8907, 9.1.0 is 90100
  if (major != CUDNN_MAJOR)
    throw DeviceError("Cuda", concat({"cuDNN ", CUDNN_MAJOR, " is what this program was compiled for, and it has loaded version ", major}),
                      "let it find the libraries of the version that it was compiled with (LD_LIBRARY_PATH)");
}

/// cuDNN's convolutions of one stream. For each problem a plan is made once, by cuDNN's own expectation and without measuring, so that a
/// program chooses the same one each time, among those that give the same bits each time.
///
/// Images are NHWC tensors to cuDNN, filters of O×R×S×C are such tensors of O images.
class Convolutions {
 public:
  Convolutions() = default;
  Convolutions(const Convolutions&) = delete;
  Convolutions& operator=(const Convolutions&) = delete;

  /// The bytes that run() needs for it, or none where cuDNN has no plan that will do.
  std::optional<std::size_t> workspace(cudaStream_t stream, const LibraryConvolution::Problem& problem) {
    open(stream);
    auto found = plans_.find(problem);
    if (found == plans_.end()) found = plans_.emplace(problem, fits(problem) ? make_plan(problem) : std::nullopt).first;
    if (!found->second) return std::nullopt;
    return found->second->workspace_bytes;
  }

  /// Requires that workspace() was asked for it.
  void run(const LibraryConvolution& v) {
    const auto found = plans_.find(v.problem);
    if (found == plans_.end() || !found->second)
      throw DeviceError("Cuda", "a convolution was to run that cuDNN was not asked for", "report this as an error of nash");
    CudnnDescriptor operands(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    operands.set<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {a_id, b_id, result_id});
    operands.set<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, {const_cast<void*>(v.a), const_cast<void*>(v.b), v.result});
    operands.set<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {v.workspace});
    operands.finalize();
    check(cudnnBackendExecute(handle_.get(), found->second->plan.get(), operands.get()), "cudnnBackendExecute");
  }

 private:
  using Direction = LibraryConvolution::Direction;

  struct Plan {
    CudnnDescriptor configuration, plan;
    std::size_t workspace_bytes;
  };
  struct Destroy {
    void operator()(cudnnHandle_t handle) const { cudnnDestroy(handle); }
  };

  /// What cuDNN calls the parts of the operation of a direction, and which operands of LibraryConvolution they are.
  struct Names {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t image, filter, output, convolution, alpha, beta;
    std::int64_t image_id, filter_id, output_id;
  };
  static constexpr std::int64_t a_id = 1, b_id = 2, result_id = 3;

  static constexpr std::size_t most_workspace = std::size_t{512} << 20;  // as much as our own patches of a large layer take, times four

  static Names names_of(Direction direction) {
    switch (direction) {
      case Direction::forward:
        return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, a_id, b_id, result_id};
      case Direction::backward_data:
        return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, result_id, b_id, a_id};
      default:
        return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, a_id, result_id, b_id};
    }
  }

  void open(cudaStream_t stream) {
    if (handle_ != nullptr) return;
    require_cudnn_version(cudnnGetVersion());
    cudnnHandle_t handle = nullptr;
    check(cudnnCreate(&handle), "cudnnCreate");
    std::unique_ptr<cudnnContext, Destroy> opened(handle);
    check(cudnnSetStream(handle, stream), "cudnnSetStream");
    handle_ = std::move(opened);
  }

  /// Whether ints can index it, as kernels of cuDNN's may do.
  static bool fits(const LibraryConvolution::Problem& g) {
    constexpr index_t most = std::numeric_limits<int>::max();
    return g.n * g.h * g.w * g.c <= most && g.n * g.p * g.q * g.o <= most && g.o * g.r * g.s * g.c <= most;
  }

  /// The first plan, in the order of cuDNN's expectation, that will do. Mode B is the better and slower one of its ways to expect, and
  /// the fallback says what works, with no regard to how fast.
  std::optional<Plan> make_plan(const LibraryConvolution::Problem& g) const {
    const Names names = names_of(g.direction);
    const CudnnDescriptor image = tensor(names.image_id, g.n, g.h, g.w, g.c), filter = tensor(names.filter_id, g.o, g.r, g.s, g.c),
                          output = tensor(names.output_id, g.n, g.p, g.q, g.o), convolution = convolution_of(g);
    CudnnDescriptor operation(names.operation), graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    operation.set(names.image, image);
    operation.set(names.filter, filter);
    operation.set(names.output, output);
    operation.set(names.convolution, convolution);
    operation.set<float>(names.alpha, {1});
    operation.set<float>(names.beta, {g.adds ? 1.0f : 0.0f});
    if (!operation.try_finalize()) return std::nullopt;
    graph.set<cudnnHandle_t>(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, {handle_.get()});
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    if (!graph.try_finalize()) return std::nullopt;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      CudnnDescriptor expectation(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
      expectation.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
      expectation.set<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE, {mode});
      if (!expectation.try_finalize()) continue;
      const std::int64_t count = expectation.count(CUDNN_ATTR_ENGINEHEUR_RESULTS);
      for (CudnnDescriptor& one : expectation.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, count))
        if (auto plan = plan_of(std::move(one), g.exact)) return plan;
    }
    return std::nullopt;
  }

  static CudnnDescriptor tensor(std::int64_t id, index_t n, index_t h, index_t w, index_t c) {
    CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    tensor.set<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE, {CUDNN_DATA_FLOAT});
    tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, w});  // in this order, whatever the strides
    tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES, {h * w * c, 1, w * c, c});
    tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
    tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {static_cast<std::int64_t>(LibraryConvolution::alignment)});
    tensor.finalize();
    return tensor;
  }

  static CudnnDescriptor convolution_of(const LibraryConvolution::Problem& g) {
    CudnnDescriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    convolution.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
    convolution.set<cudnnDataType_t>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, {CUDNN_DATA_FLOAT});
    convolution.set<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE, {CUDNN_CROSS_CORRELATION});
    convolution.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {g.padding_h, g.padding_w});
    convolution.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {g.padding_h, g.padding_w});
    convolution.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1});
    convolution.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {g.stride_h, g.stride_w});
    convolution.finalize();
    return convolution;
  }

  /// The plan for one of cuDNN's configurations; none where it will not do.
  std::optional<Plan> plan_of(CudnnDescriptor configuration, bool exact) const {
    const auto engines = configuration.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
    if (engines.empty() || !will_do(engines.front(), exact)) return std::nullopt;
    CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set<cudnnHandle_t>(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, {handle_.get()});
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    if (!plan.try_finalize()) return std::nullopt;
    const auto bytes = static_cast<std::size_t>(plan.values<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE).at(0));
    if (bytes > most_workspace) return std::nullopt;
    return Plan{std::move(configuration), std::move(plan), bytes};
  }

  /// Whether an engine gives the same bits each time, exact products where they are asked for, and is there: to compile one takes most of
  /// a second.
  static bool will_do(const CudnnDescriptor& engine, bool exact) {
    constexpr std::size_t most_notes = 64;  // more than there are
    for (const auto note : engine.values<cudnnBackendBehaviorNote_t, most_notes>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE))
      if (note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) return false;
    for (const auto note : engine.values<cudnnBackendNumericalNote_t, most_notes>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE))
      if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || (exact && !is_exact(note))) return false;
    return true;
  }
  /// Exact are sums of products of the floats as they are; transforms, Winograd's too, have errors above those.
  static bool is_exact(cudnnBackendNumericalNote_t note) {
    switch (note) {
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:  // these round floats to TF32
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
      case CUDNN_NUMERICAL_NOTE_FFT:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13: return false;
      default: return true;
    }
  }

  std::unique_ptr<cudnnContext, Destroy> handle_;                      // outlives the plans
  std::map<LibraryConvolution::Problem, std::optional<Plan>> plans_;  // none: cuDNN has none
};

}  // namespace nash::cuda
