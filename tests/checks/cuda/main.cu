// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string_view>

#include <nash/cuda.hpp>

#include "other.cuh"

using namespace nash;

/// Two steps of a DCGAN on the GPU; without one, the message that says so.
int main() {
  try {
    GanTrainer trainer{dcgan28_generator<float, Cuda>({.width = 8}), dcgan28_discriminator<float, Cuda>({.width = 8}), NonSaturating{}, {.seed = 1}};
    for (int step = 0; step < 2; ++step) std::printf("%f\n", *trainer.step(Tensor<float, Cuda>::zeros({4, 28, 28, 1})).d_loss);
    return sum_through_every_layer(Tensor<float, Cuda>::filled({3}, 2)) == 6 ? 0 : 1;
  } catch (const DeviceError& error) {
    std::puts(error.what());
    const std::string_view text = error.what();
    const bool explained = text.starts_with("Cuda: cuda") && text.find(" failed at nash/tensor/cuda/driver.hpp:") != text.npos &&
                           (text.find("\nInstall a newer NVIDIA driver") != text.npos || text.find("\nRun this on a machine with an NVIDIA GPU") != text.npos);
    return explained ? 0 : 1;
  }
}
