// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The kernels of the two devices of the host. Layers include this, so that they run wherever they are included.
#include "nash/kernels/cpu/conv2d.hpp"
#include "nash/kernels/cpu/gemm.hpp"
#include "nash/kernels/cpu/pointwise.hpp"
#include "nash/kernels/cpu/reduce.hpp"
#include "nash/kernels/random.hpp"
#include "nash/kernels/reference/conv2d.hpp"
#include "nash/kernels/reference/gemm.hpp"
#include "nash/kernels/reference/pointwise.hpp"
#include "nash/kernels/reference/reduce.hpp"
