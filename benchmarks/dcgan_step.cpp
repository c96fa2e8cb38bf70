// SPDX-License-Identifier: Apache-2.0
//
// Times whole training steps of a DCGAN on random images: the discriminator's update on a real and a generated batch and the
// generator's update. Prints one line of JSON; compare_dcgan_step.py runs it beside PyTorch.
//
//   dcgan_step NETWORK BATCH STEPS     NETWORK is conv (dcgan28) or dense (dcgan28_dense); both with width 64
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "nash/nash.hpp"

namespace {

template <class Trainer>
void time_steps(Trainer& trainer, nash::index_t batch, int steps) {
  nash::Tensor<float> images(nash::Shape{batch, 28, 28, 1});
  nash::pointwise(trainer.context(), images.count(), nash::FillUniform<float>{nash::RandomStream(1), -1, 1, images.data()});
  for (int i = 0; i < 3; ++i) trainer.step(images);
  std::vector<double> milliseconds;
  for (int i = 0; i < steps; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    trainer.step(images);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf("{\"median_ms\": %.3f, \"best_ms\": %.3f, \"threads\": %d}\n", milliseconds[milliseconds.size() / 2], milliseconds.front(),
              trainer.context().threads());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string network = argc > 1 ? argv[1] : "";
  const long batch = argc > 2 ? std::atol(argv[2]) : 0, steps = argc > 3 ? std::atol(argv[3]) : 0;
  if (argc != 4 || (network != "conv" && network != "dense") || batch < 2 || steps < 1) {
    std::fprintf(stderr, "usage: dcgan_step conv|dense BATCH STEPS\n");
    return 2;
  }
  if (network == "conv") {
    nash::GanTrainer trainer{nash::dcgan28_generator(), nash::dcgan28_discriminator(), nash::NonSaturating{}, {.seed = 1}};
    time_steps(trainer, batch, static_cast<int>(steps));
  } else {
    nash::GanTrainer trainer{nash::dcgan28_dense_generator(), nash::dcgan28_dense_discriminator(), nash::NonSaturating{}, {.seed = 1}};
    time_steps(trainer, batch, static_cast<int>(steps));
  }
}
