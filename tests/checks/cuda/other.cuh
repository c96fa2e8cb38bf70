// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nash/cuda.hpp>

/// Σ x, by a program that has every layer compiled for the GPU.
double sum_through_every_layer(const nash::Tensor<float, nash::Cuda>& x);
