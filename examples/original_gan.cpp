// SPDX-License-Identifier: Apache-2.0
//
// The GAN of 2014: the networks and the game of the first paper.
//
// The generator mixes rectifiers and sigmoids; the discriminator is made of maxout units, each the largest of several linear
// functions, with dropout between them. Pixels are in [0, 1], since the generator ends with a sigmoid.
//
// --loss minimax plays the game of the paper's proof: the generator minimises log(1 − D(G(z))). While the discriminator is
// sure of itself that gradient vanishes; --loss non-saturating maximises log D(G(z)) instead, as section 3 of the paper advises.
// Run both and compare d_fake and g_gradient_norm in the two metrics.csv.
#include <iostream>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/devices.hpp"
#include "support/recorder.hpp"

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/original_gan", loss = "non-saturating", device = "cpu";
  std::int64_t steps = 6000, batch_size = 64;
  std::uint64_t seed = 1;
  double learning_rate = 2e-4;
  example::Arguments arguments("Trains the networks of the first GAN on a folder of MNIST-like digits (IDX files).");
  arguments.option("--data", data, "folder with train-images-idx3-ubyte[.gz]")
      .option("--out", out, "folder for pictures, metrics and networks")
      .option("--device", device, "cpu, or cuda where this was built with NASH_CUDA")
      .option("--seed", seed, "of everything that is random")
      .option("--steps", steps, "training steps")
      .option("--batch-size", batch_size, "real images a step")
      .option("--learning-rate", learning_rate, "of both players")
      .option("--loss", loss, "minimax or non-saturating");

  return arguments.run(argc, argv, [&] {
    example::with_device(device, [&](auto chosen) {
      using Device = decltype(chosen);
      nash::Loader<float, Device> loader{nash::load_idx_folder(data), {.batch_size = batch_size, .seed = seed, .low = 0, .high = 1}};
      std::cout << loader.dataset().size() << " images from " << data << '\n';

      const auto play = [&](auto game) {
        nash::GanTrainer trainer{nash::goodfellow_generator<float, Device>(), nash::goodfellow_discriminator<float, Device>(), game,
                                 {.seed = seed,
                                  .generator = {.learning_rate = learning_rate},
                                  .discriminator = {.learning_rate = learning_rate}}};
        example::train(trainer, loader, steps, out, seed);
      };
      if (loss == "minimax")
        play(nash::Minimax{});
      else if (loss == "non-saturating")
        play(nash::NonSaturating{});
      else
        throw nash::DataError("--loss", "minimax or non-saturating", "'" + loss + "'", "choose one of the two");
    });
  });
}
