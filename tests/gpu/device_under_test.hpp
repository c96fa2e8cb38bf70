// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The device that the tests of this folder are about: the stand-in, or Cuda where nvcc compiles them.
#if defined(__CUDACC__)
#include "nash/nash.hpp"
//
#include "nash/cuda.hpp"
using DeviceUnderTest = nash::Cuda;

/// Cuda has a library of convolutions or not, as it was built.
struct LibraryOfConvolutions {
  LibraryOfConvolutions() = default;
};
#else
#include "stand_in.hpp"
using DeviceUnderTest = StandIn;

/// While it lives, the stand-in has a library of convolutions of strides of 1 and 2.
struct LibraryOfConvolutions {
  LibraryOfConvolutions() { stand_in::machine().library_strides = 2; }
  LibraryOfConvolutions(const LibraryOfConvolutions&) = delete;
  LibraryOfConvolutions& operator=(const LibraryOfConvolutions&) = delete;
  ~LibraryOfConvolutions() { stand_in::machine().library_strides = 0; }
};
#endif

/// What a device's float32 may be off by, relative to the largest value: with exact products, and with TF32's.
constexpr double exact_tolerance = 1e-5, tf32_tolerance = 3e-3;
