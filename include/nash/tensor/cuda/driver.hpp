// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "nash/core/platform.hpp"
#include "nash/tensor/cuda/check.hpp"
#include "nash/tensor/gpu/driver.hpp"

// Convolutions: cudnn.hpp or no_cudnn.hpp.
#include NASH_CUDA_CONVOLUTIONS

namespace nash {
namespace cuda {

/// Runs a kernel as kernels/gpu/launch.hpp says: the threads of a block meet after each phase.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads) run_kernel(const Kernel kernel) {
  __shared__ typename Kernel::Shared shared;
  const int phases = kernel.phases();
  for (int phase = 0; phase < phases; ++phase) {
    if (phase > 0) __syncthreads();
    kernel.run(phase, static_cast<index_t>(blockIdx.x), static_cast<int>(threadIdx.x), shared);
  }
}

inline int narrow(index_t size) {
  if (size > std::numeric_limits<int>::max()) throw ShapeError("Cuda", "matrices of fewer than 2^31 rows and columns", concat({size}), "use smaller sizes");
  return static_cast<int>(size);
}

/// A stream of the selected GPU, with the cuBLAS handle and its memory that products in it need, and its library of convolutions.
class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (handle_ != nullptr) cublasDestroy(handle_);
    if (workspace_ != nullptr) cudaFree(workspace_);
    cudaStreamDestroy(stream_);
  }

  void enqueue(const Operation& operation) {
    const std::lock_guard lock(mutex_);
    enter();
    std::visit([this](const auto& one) { run(one); }, operation);
  }
  void synchronise() {
    enter();
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  /// Before the first product, and before any is captured: what it takes to run them.
  void reserve_products() {
    const std::lock_guard lock(mutex_);
    reserve();
  }

  std::optional<std::size_t> convolution_workspace(const LibraryConvolution::Problem& problem) {
    const std::lock_guard lock(mutex_);
    enter();
    return convolutions_.workspace(stream_, problem);
  }

  cudaStream_t get() const { return stream_; }

 private:
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;  // what cuBLAS recommends for sm_90, and more than it does for others

  /// The calling thread may have selected another GPU since.
  void enter() const {
    int selected = 0;
    check(cudaGetDevice(&selected), "cudaGetDevice");
    if (selected != gpu_) check(cudaSetDevice(gpu_), "cudaSetDevice");
  }

  void reserve() {
    if (handle_ != nullptr) return;
    cublasHandle_t handle = nullptr;
    check(cublasCreate(&handle), "cublasCreate");
    try {  // memory of our own: with cuBLAS's, captured products would allocate theirs
      if (workspace_ == nullptr) check(cudaMalloc(&workspace_, workspace_bytes), "cudaMalloc");
      check(cublasSetStream(handle, stream_), "cublasSetStream");
      check(cublasSetWorkspace(handle, workspace_, workspace_bytes), "cublasSetWorkspace");
    } catch (...) {
      cublasDestroy(handle);
      throw;
    }
    handle_ = handle;
  }

  void run(const KernelLaunch& launch) {
    void* arguments[] = {const_cast<std::byte*>(launch.parameters)};
    check(cudaLaunchKernel(launch.entry, dim3(static_cast<unsigned>(launch.blocks)), dim3(static_cast<unsigned>(launch.threads)), arguments, 0, stream_),
          "cudaLaunchKernel");
  }

  void run(const ColumnMajorProduct& g) {
    reserve();
    const cublasOperation_t op_a = g.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = g.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int m = narrow(g.m), n = narrow(g.n), k = narrow(g.k), lda = narrow(g.lda), ldb = narrow(g.ldb), ldc = narrow(g.ldc);
    check(cublasSetMathMode(handle_, g.exact ? CUBLAS_DEFAULT_MATH : CUBLAS_TF32_TENSOR_OP_MATH), "cublasSetMathMode");
    if (g.type == ScalarType::float32) {
      const float alpha = 1, beta = static_cast<float>(g.beta);
      check(cublasSgemm(handle_, op_a, op_b, m, n, k, &alpha, static_cast<const float*>(g.a), lda, static_cast<const float*>(g.b), ldb, &beta,
                        static_cast<float*>(g.c), ldc),
            "cublasSgemm");
    } else {
      const double alpha = 1;
      check(cublasDgemm(handle_, op_a, op_b, m, n, k, &alpha, static_cast<const double*>(g.a), lda, static_cast<const double*>(g.b), ldb, &g.beta,
                        static_cast<double*>(g.c), ldc),
            "cublasDgemm");
    }
  }

  void run(const LibraryConvolution& convolution) { convolutions_.run(convolution); }

  void run(const Transfer& transfer) {
    constexpr cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice};
    check(cudaMemcpyAsync(transfer.to, transfer.from, transfer.bytes, kinds[static_cast<int>(transfer.kind)], stream_), "cudaMemcpyAsync");
  }

  static int selected() {
    int gpu = 0;
    check(cudaGetDevice(&gpu), "cudaGetDevice");
    return gpu;
  }

  int gpu_ = selected();
  cudaStream_t stream_ = nullptr;
  cublasHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  Convolutions convolutions_;
  std::mutex mutex_;
};

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }

  void record(Stream& stream) { check(cudaEventRecord(event_, stream.get()), "cudaEventRecord"); }
  void wait() { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Operations captured from a stream.
class Graph {
 public:
  Graph(Stream& stream, std::span<const Operation> operations) {
    stream.reserve_products();
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    try {
      for (const Operation& operation : operations) {
        stream.enqueue(operation);
        nodes_.push_back(std::holds_alternative<KernelLaunch>(operation) ? last_node(stream) : nullptr);
      }
    } catch (...) {
      cudaGraph_t broken = nullptr;
      cudaStreamEndCapture(stream.get(), &broken);
      if (broken != nullptr) cudaGraphDestroy(broken);
      throw;
    }
    check(cudaStreamEndCapture(stream.get(), &graph_), "cudaStreamEndCapture");
    const cudaError_t result = cudaGraphInstantiate(&executable_, graph_, 0);
    if (result != cudaSuccess) {
      cudaGraphDestroy(graph_);
      check(result, "cudaGraphInstantiate");
    }
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
  }

  void update(std::size_t i, const KernelLaunch& launch) {
    void* arguments[] = {const_cast<std::byte*>(launch.parameters)};
    cudaKernelNodeParams parameters{};
    parameters.func = const_cast<void*>(launch.entry);
    parameters.gridDim = dim3(static_cast<unsigned>(launch.blocks));
    parameters.blockDim = dim3(static_cast<unsigned>(launch.threads));
    parameters.kernelParams = arguments;
    check(cudaGraphExecKernelNodeSetParams(executable_, nodes_.at(i), &parameters), "cudaGraphExecKernelNodeSetParams");
  }
  void launch(Stream& stream) { check(cudaGraphLaunch(executable_, stream.get()), "cudaGraphLaunch"); }

 private:
  /// The node that a kernel that was enqueued last became: the one that the stream's next would wait for. What libraries enqueue may
  /// be several.
  static cudaGraphNode_t last_node(Stream& stream) {
    cudaStreamCaptureStatus status{};
    const cudaGraphNode_t* nodes = nullptr;
    std::size_t count = 0;
    check(cudaStreamGetCaptureInfo(stream.get(), &status, nullptr, nullptr, &nodes, nullptr, &count), "cudaStreamGetCaptureInfo");
    if (status != cudaStreamCaptureStatusActive || count != 1)
      throw DeviceError("Cuda", "a stream's operations were captured as something else than a sequence", "report this as an error of nash");
    return nodes[0];
  }

  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  std::vector<cudaGraphNode_t> nodes_;
};

}  // namespace cuda

template <>
struct Driver<Cuda> {
  using Stream = cuda::Stream;
  using Event = cuda::Event;
  using Graph = cuda::Graph;

  static const char* name() { return "Cuda"; }
  static int gpus() {
    int count = 0;
    cuda::check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    if (count == 0) cuda::check(cudaErrorNoDevice, "cudaGetDeviceCount");
    return count;
  }
  static int selected() {
    int gpu = 0;
    cuda::check(cudaGetDevice(&gpu), "cudaGetDevice");
    return gpu;
  }
  static void select(int gpu) { cuda::check(cudaSetDevice(gpu), "cudaSetDevice"); }

  static void* allocate(std::size_t bytes) {
    void* block = nullptr;
    const cudaError_t result = cudaMalloc(&block, bytes);
    if (result == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      return nullptr;
    }
    cuda::check(result, "cudaMalloc");
    return block;
  }
  static void deallocate(void* block) noexcept { cudaFree(block); }
  static void poison(Stream&, void*, std::size_t) {}
  static void* allocate_pinned(std::size_t bytes) {
    void* memory = nullptr;
    cuda::check(cudaMallocHost(&memory, bytes), "cudaMallocHost");
    return memory;
  }
  static void deallocate_pinned(void* memory) noexcept { cudaFreeHost(memory); }

  template <class Kernel>
  static const void* entry() {
    return reinterpret_cast<const void*>(&cuda::run_kernel<Kernel>);
  }
};

}  // namespace nash
