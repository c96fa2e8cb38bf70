// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nash/cuda.hpp>

double all_of(const nash::Tensor<float, nash::Cuda>& x);
