// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

#include "nash/kernels/host.hpp"

/// The Cpu with a record of every kernel that ran, in its context: for tests of what work is done and what is not. It is written
/// as any device is, from the contracts of the four families.
struct Counting {};

/// One call of a kernel: which one, in words, and how many elements it passed over, or, of products and convolutions, how many
/// multiply-adds it is.
struct KernelCall {
  std::string text;
  nash::index_t elements = 0, multiply_adds = 0;
};

template <>
inline constexpr bool nash::shares_host_memory<Counting> = true;
template <>
struct nash::Memory<Counting> : nash::HostMemory {};

template <>
class nash::Context<Counting> {
 public:
  explicit Context(int threads = 0) : cpu_(threads) {}

  int threads() const { return cpu_.threads(); }
  InstructionSet instruction_set() const { return cpu_.instruction_set(); }
  void limit_instruction_set(InstructionSet limit) { cpu_.limit_instruction_set(limit); }

  template <class T>
  typename Arena<Counting>::Scratch<T> scratch(index_t count) {
    return {arena_, count};
  }

  Context<Cpu>& cpu() { return cpu_; }

  void record(std::string text, index_t elements, index_t multiply_adds = 0) { calls_.push_back({std::move(text), elements, multiply_adds}); }
  /// What ran since this was asked for last.
  std::vector<KernelCall> take_calls() { return std::exchange(calls_, {}); }

 private:
  Context<Cpu> cpu_;
  Arena<Counting> arena_;
  std::vector<KernelCall> calls_;
};

/// "Normalize" of nash::Normalize<float, …>
template <class Function>
std::string functor_name() {
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(typeid(Function).name(), nullptr, nullptr, nullptr), std::free);
  const std::string name(text.get());
  const std::size_t begin = name.starts_with("nash::") ? 6 : 0;
  return name.substr(begin, name.find('<') - begin);
}

/// "AB 3×4×5" for a product of 3×5 and 5×4, "AᵀB" and "ABᵀ" where one is stored transposed, "+AB" where it is added.
template <>
struct nash::GemmKernels<Counting> {
  template <class T>
  static void multiply(Context<Counting>& context, const GemmGeometry& g, const T* a, const T* b, T* c, const T* bias = nullptr) {
    context.record(concat({"gemm ", g.accumulate ? "+" : "", g.transpose_a ? "Aᵀ" : "A", g.transpose_b ? "Bᵀ " : "B ", g.m, "×", g.n, "×", g.k}), 0,
                   g.m * g.n * g.k);
    GemmKernels<Cpu>::multiply(context.cpu(), g, a, b, c, bias);
  }
};

/// Direction, image and filters of the convolution, "+" before weights' gradients that are added.
template <>
struct nash::Conv2dKernels<Counting> {
  template <class T>
  static void forward(Context<Counting>& context, const Conv2dGeometry& g, const T* x, const T* w, T* y, const T* bias = nullptr) {
    record(context, "forward ", g);
    Conv2dKernels<Cpu>::forward(context.cpu(), g, x, w, y, bias);
  }
  template <class T>
  static void backward_data(Context<Counting>& context, const Conv2dGeometry& g, const T* dy, const T* w, T* dx, const T* bias = nullptr) {
    record(context, "backward_data ", g);
    Conv2dKernels<Cpu>::backward_data(context.cpu(), g, dy, w, dx, bias);
  }
  template <class T>
  static void backward_weights(Context<Counting>& context, const Conv2dGeometry& g, const T* x, const T* dy, T* dw, bool accumulate = true) {
    record(context, accumulate ? "+backward_weights " : "backward_weights ", g);
    Conv2dKernels<Cpu>::backward_weights(context.cpu(), g, x, dy, dw, accumulate);
  }

 private:
  static void record(Context<Counting>& context, std::string_view direction, const Conv2dGeometry& g) {
    context.record(concat({"conv2d ", direction, g.image_shape(), " by ", g.filter_shape()}), 0, g.multiply_adds());
  }
};

template <>
struct nash::PointwiseKernels<Counting> {
  template <class Function>
  static void for_each(Context<Counting>& context, index_t count, const Function& f) {
    context.record(functor_name<Function>(), count);
    PointwiseKernels<Cpu>::for_each(context.cpu(), count, f);
  }
  template <class Function>
  static void for_each_in_rows(Context<Counting>& context, index_t rows, index_t columns, const Function& f) {
    context.record(functor_name<Function>(), rows * columns);
    PointwiseKernels<Cpu>::for_each_in_rows(context.cpu(), rows, columns, f);
  }
};

template <>
struct nash::ReduceKernels<Counting> {
  template <class Function>
  static double sum(Context<Counting>& context, index_t count, const Function& f) {
    context.record(functor_name<Function>(), count);
    return ReduceKernels<Cpu>::sum(context.cpu(), count, f);
  }
  template <class T, class Function>
  static void sum_columns(Context<Counting>& context, index_t rows, index_t columns, const Function& f, T* sums) {
    context.record(functor_name<Function>(), rows * columns);
    ReduceKernels<Cpu>::sum_columns(context.cpu(), rows, columns, f, sums);
  }
};

/// The calls as a multiset of texts, joined by lines, so that two of them are compared whatever the order.
inline std::string sorted_lines(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  std::string lines;
  for (const std::string& text : texts) lines += text + "\n";
  return lines;
}

/// The matrix products and convolutions among the calls.
inline std::vector<std::string> products_of(const std::vector<KernelCall>& calls) {
  std::vector<std::string> products;
  for (const KernelCall& call : calls)
    if (call.text.starts_with("gemm ") || call.text.starts_with("conv2d ")) products.push_back(call.text);
  return products;
}

/// The maps and sums over at least so many elements.
inline std::vector<std::string> passes_of(const std::vector<KernelCall>& calls, nash::index_t elements) {
  std::vector<std::string> passes;
  for (const KernelCall& call : calls)
    if (call.elements >= elements && call.elements > 0) passes.push_back(call.text);
  return passes;
}

/// Of all products and convolutions among the calls; taps on the padding are counted.
inline nash::index_t multiply_adds_of(const std::vector<KernelCall>& calls) {
  nash::index_t total = 0;
  for (const KernelCall& call : calls) total += call.multiply_adds;
  return total;
}
