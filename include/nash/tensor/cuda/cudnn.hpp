// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cudnn.h>

static_assert(CUDNN_MAJOR == 9, "nash takes convolutions from cuDNN 9, and the compiler finds another version of <cudnn.h>: name the include folder of "
                                "cuDNN 9 by -I, before others, or leave NASH_CUDNN out");

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "nash/tensor/cuda/check.hpp"

namespace nash::cuda {

inline const char* remedy_of(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_NOT_INITIALIZED: return "check that the program finds a GPU and a driver that this cuDNN supports, or build without NASH_CUDNN";
    case CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH:
    case CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED:
    case CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE:
      return "let the program find all of cuDNN's libraries, of the version that it was built with (LD_LIBRARY_PATH)";
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED: return "use smaller sizes or batches, or a GPU with more memory that is free";
    case CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH: return "use a cuDNN that supports this GPU, or build without NASH_CUDNN";
    default: return "use nash's own convolutions instead: context.set_library_convolutions(LibraryConvolutions::none)";
  }
}

/// Throws DeviceError, with the call, where it is and what to do, unless the call has succeeded.
inline void check(cudnnStatus_t result, std::string_view call, const std::source_location& place = std::source_location::current()) {
  if (result == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError("Cuda", concat({call, " failed at ", place_of(place), ": ", cudnnGetErrorString(result)}), remedy_of(result));
}

/// Throws DeviceError unless a version, as cudnnGetVersion() has it, is of the major version that the program was compiled for.
inline void require_cudnn_version(std::size_t found) {
  const std::size_t major = found / (found < 90000 ? 1000 : 10000);  // 8.9.7 is 8907, 9.1.0 is 90100
  if (major != CUDNN_MAJOR)
    throw DeviceError("Cuda", concat({"cuDNN ", CUDNN_MAJOR, " is what this program was compiled for, and it has loaded version ", major}),
                      "let it find the libraries of the version that it was compiled with (LD_LIBRARY_PATH)");
}

/// cuDNN's convolutions of one stream. For each problem the algorithm is chosen once, by cuDNN's own expectation and without measuring,
/// so that a program chooses the same one each time, among those that give the same bits each time.
///
/// Images are NHWC tensors to cuDNN, filters of O×R×S×C are NHWC filters, which are stored K×R×S×C.
class Convolutions {
 public:
  Convolutions() = default;
  Convolutions(const Convolutions&) = delete;
  Convolutions& operator=(const Convolutions&) = delete;
  ~Convolutions() {
    if (handle_ != nullptr) cudnnDestroy(handle_);
  }

  /// The bytes that run() needs for it, or none where cuDNN has no such algorithm.
  std::optional<std::size_t> workspace(cudaStream_t stream, const LibraryConvolution::Problem& problem) {
    open(stream);
    auto found = plans_.find(problem);
    if (found == plans_.end()) found = plans_.emplace(problem, fits(problem) ? make_plan(problem) : nullptr).first;
    if (found->second == nullptr) return std::nullopt;
    return found->second->workspace_bytes;
  }

  /// Requires that workspace() was asked for it.
  void run(const LibraryConvolution& v) {
    const auto found = plans_.find(v.problem);
    if (found == plans_.end() || found->second == nullptr)
      throw DeviceError("Cuda", "a convolution was to run that cuDNN was not asked for", "report this as an error of nash");
    const Plan& plan = *found->second;
    const float alpha = 1, beta = v.adds ? 1.0f : 0.0f;
    switch (v.problem.direction) {
      case LibraryConvolution::Direction::forward:
        check(cudnnConvolutionForward(handle_, &alpha, plan.image.get(), v.a, plan.filter.get(), v.b, plan.convolution.get(),
                                      static_cast<cudnnConvolutionFwdAlgo_t>(plan.algorithm), v.workspace, v.workspace_bytes, &beta, plan.output.get(), v.result),
              "cudnnConvolutionForward");
        break;
      case LibraryConvolution::Direction::backward_data:
        check(cudnnConvolutionBackwardData(handle_, &alpha, plan.filter.get(), v.b, plan.output.get(), v.a, plan.convolution.get(),
                                           static_cast<cudnnConvolutionBwdDataAlgo_t>(plan.algorithm), v.workspace, v.workspace_bytes, &beta, plan.image.get(), v.result),
              "cudnnConvolutionBackwardData");
        break;
      case LibraryConvolution::Direction::backward_weights:
        check(cudnnConvolutionBackwardFilter(handle_, &alpha, plan.image.get(), v.a, plan.output.get(), v.b, plan.convolution.get(),
                                             static_cast<cudnnConvolutionBwdFilterAlgo_t>(plan.algorithm), v.workspace, v.workspace_bytes, &beta, plan.filter.get(),
                                             v.result),
              "cudnnConvolutionBackwardFilter");
        break;
    }
  }

 private:
  template <class Handle, cudnnStatus_t (*destroy)(Handle)>
  struct Destroy {
    using pointer = Handle;
    void operator()(Handle handle) const { destroy(handle); }
  };
  /// One of cuDNN's descriptors, which belongs to whoever has this.
  template <class Handle, cudnnStatus_t (*create)(Handle*), cudnnStatus_t (*destroy)(Handle)>
  struct Descriptor : std::unique_ptr<void, Destroy<Handle, destroy>> {
    explicit Descriptor(const char* call) {
      Handle handle = nullptr;
      check(create(&handle), call);
      this->reset(handle);
    }
  };
  using TensorDescriptor = Descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
  using FilterDescriptor = Descriptor<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
  using ConvolutionDescriptor = Descriptor<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

  struct Plan {
    TensorDescriptor image{"cudnnCreateTensorDescriptor"}, output{"cudnnCreateTensorDescriptor"};
    FilterDescriptor filter{"cudnnCreateFilterDescriptor"};
    ConvolutionDescriptor convolution{"cudnnCreateConvolutionDescriptor"};
    int algorithm = 0;
    std::size_t workspace_bytes = 0;
  };

  static constexpr int most_algorithms = 16;                              // more than there are in any direction
  static constexpr std::size_t most_workspace = std::size_t{512} << 20;   // as much as our own patches of a large layer take, times four

  void open(cudaStream_t stream) {
    if (handle_ != nullptr) return;
    require_cudnn_version(cudnnGetVersion());
    cudnnHandle_t handle = nullptr;
    check(cudnnCreate(&handle), "cudnnCreate");
    try {
      check(cudnnSetStream(handle, stream), "cudnnSetStream");
    } catch (...) {
      cudnnDestroy(handle);
      throw;
    }
    handle_ = handle;
  }

  /// Whether cuDNN's sizes, which are ints, can say it.
  static bool fits(const LibraryConvolution::Problem& g) {
    constexpr index_t most = std::numeric_limits<int>::max();
    return g.n * g.h * g.w * g.c <= most && g.n * g.p * g.q * g.o <= most && g.o * g.r * g.s * g.c <= most;
  }

  std::unique_ptr<Plan> make_plan(const LibraryConvolution::Problem& g) {
    const auto i = [](index_t size) { return static_cast<int>(size); };
    auto plan = std::make_unique<Plan>();
    check(cudnnSetTensor4dDescriptor(plan->image.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, i(g.n), i(g.c), i(g.h), i(g.w)), "cudnnSetTensor4dDescriptor");
    check(cudnnSetTensor4dDescriptor(plan->output.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, i(g.n), i(g.o), i(g.p), i(g.q)), "cudnnSetTensor4dDescriptor");
    check(cudnnSetFilter4dDescriptor(plan->filter.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, i(g.o), i(g.c), i(g.r), i(g.s)), "cudnnSetFilter4dDescriptor");
    const cudnnConvolutionDescriptor_t convolution = plan->convolution.get();
    check(cudnnSetConvolution2dDescriptor(convolution, i(g.padding_h), i(g.padding_w), i(g.stride_h), i(g.stride_w), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "cudnnSetConvolution2dDescriptor");
    // By default cuDNN may round floats to TF32; FMA forbids it.
    check(cudnnSetConvolutionMathType(convolution, g.exact ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH), "cudnnSetConvolutionMathType");
    const cudnnTensorDescriptor_t image = plan->image.get(), output = plan->output.get();
    const cudnnFilterDescriptor_t filter = plan->filter.get();
    switch (g.direction) {
      case LibraryConvolution::Direction::forward:
        return choose<cudnnConvolutionFwdAlgoPerf_t>(
            std::move(plan), g.exact, CUDNN_CONVOLUTION_FWD_ALGO_FFT, "cudnnGetConvolutionForwardAlgorithm_v7",
            [&](int* count, auto* answers) {
              return cudnnGetConvolutionForwardAlgorithm_v7(handle_, image, filter, convolution, output, most_algorithms, count, answers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return cudnnGetConvolutionForwardWorkspaceSize(handle_, image, filter, convolution, output, algorithm, bytes);
            });
      case LibraryConvolution::Direction::backward_data:
        return choose<cudnnConvolutionBwdDataAlgoPerf_t>(
            std::move(plan), g.exact, CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT, "cudnnGetConvolutionBackwardDataAlgorithm_v7",
            [&](int* count, auto* answers) {
              return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_, filter, output, convolution, image, most_algorithms, count, answers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return cudnnGetConvolutionBackwardDataWorkspaceSize(handle_, filter, output, convolution, image, algorithm, bytes);
            });
      default:
        return choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
            std::move(plan), g.exact, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, "cudnnGetConvolutionBackwardFilterAlgorithm_v7",
            [&](int* count, auto* answers) {
              return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, image, output, convolution, filter, most_algorithms, count, answers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return cudnnGetConvolutionBackwardFilterWorkspaceSize(handle_, image, output, convolution, filter, algorithm, bytes);
            });
    }
  }

  static bool not_supported(cudnnStatus_t status) { return CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == CUDNN_STATUS_NOT_SUPPORTED; }

  /// The plan with the first of the algorithms, which come fastest first, that will do; null where none will. From the first one by
  /// Fourier transforms on they are transforms, Winograd's too, whose errors are above those of sums of products.
  template <class Answer, class Algorithm, class Ask, class WorkspaceOf>
  static std::unique_ptr<Plan> choose(std::unique_ptr<Plan> plan, bool exact, Algorithm first_transform, const char* call, const Ask& ask,
                                      const WorkspaceOf& workspace_of) {
    std::array<Answer, most_algorithms> answers{};
    int count = 0;
    const cudnnStatus_t asked = ask(&count, answers.data());
    if (not_supported(asked)) return nullptr;
    check(asked, call);
    for (int i = 0; i < count; ++i) {
      const Answer& answer = answers[static_cast<std::size_t>(i)];
      if (answer.status != CUDNN_STATUS_SUCCESS || answer.determinism != CUDNN_DETERMINISTIC || (exact && answer.algo >= first_transform)) continue;
      std::size_t bytes = 0;
      const cudnnStatus_t sized = workspace_of(answer.algo, &bytes);
      if (not_supported(sized)) continue;
      check(sized, "cudnnGetConvolutionWorkspaceSize");
      if (bytes > most_workspace) continue;
      plan->algorithm = static_cast<int>(answer.algo);
      plan->workspace_bytes = bytes;
      return plan;
    }
    return nullptr;
  }

  cudnnHandle_t handle_ = nullptr;
  std::map<LibraryConvolution::Problem, std::unique_ptr<Plan>> plans_;  // null: cuDNN has none
};

}  // namespace nash::cuda
