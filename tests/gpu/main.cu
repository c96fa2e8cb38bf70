// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "nash/cuda.hpp"

/// Runs the tests, or says why they are skipped, with the exit code that ctest takes for that.
int main(int argc, char** argv) {
  try {
    (void)nash::Driver<nash::Cuda>::gpus();
  } catch (const nash::DeviceError& error) {
    std::printf("Skipped: %s\n", error.what());
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
