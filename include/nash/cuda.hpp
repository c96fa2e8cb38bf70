// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The device Cuda, for files that nvcc compiles: with it, Cuda in the place of Cpu. The target nash::cuda has what it links with.
#include "nash/kernels/cuda/conv2d.hpp"
#include "nash/kernels/cuda/gemm.hpp"
#include "nash/kernels/cuda/pointwise.hpp"
#include "nash/kernels/cuda/reduce.hpp"
#include "nash/nash.hpp"
