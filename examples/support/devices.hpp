// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "nash/nash.hpp"
#if defined(__CUDACC__)
#include "nash/cuda.hpp"
#endif

namespace example {

/// Calls f(Device{}) for the device of this name: cpu or, in a program that was built with NASH_CUDA, cuda.
template <class Function>
void with_device(const std::string& name, const Function& f) {
  if (name == "cpu") return f(nash::Cpu{});
#if defined(__CUDACC__)
  if (name == "cuda") return f(nash::Cuda{});
  throw nash::ShapeError("--device", "cpu or cuda", "'" + name + "'", "name one of them");
#else
  throw nash::ShapeError("--device", "cpu", "'" + name + "'", "for cuda configure with -DNASH_CUDA=ON, which needs nvcc");
#endif
}

}  // namespace example
