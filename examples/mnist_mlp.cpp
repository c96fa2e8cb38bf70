// SPDX-License-Identifier: Apache-2.0
//
// The refined MLP GAN: what people made of the first one before convolutions took over.
//
// Both networks are fully connected; BatchNorm in the generator and LeakyReLU in both keep gradients alive. It is the
// quickest of the examples to play with: try --g-steps 2 to let the generator move twice as often.
#include <iostream>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/devices.hpp"
#include "support/recorder.hpp"

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/mnist_mlp", device = "cpu";
  std::int64_t steps = 6000, batch_size = 128, latent = 128, generator_steps = 1, generator_every = 1;
  std::uint64_t seed = 1;
  double slope = 0.2, dropout = 0.2, generator_rate = 2e-4, discriminator_rate = 2e-4;
  example::Arguments arguments("Trains an MLP GAN on a folder of MNIST-like digits (IDX files) and records how it goes.");
  arguments.option("--data", data, "folder with train-images-idx3-ubyte[.gz]")
      .option("--out", out, "folder for pictures, metrics and networks")
      .option("--device", device, "cpu, or cuda where this was built with NASH_CUDA")
      .option("--seed", seed, "of everything that is random")
      .option("--steps", steps, "training steps")
      .option("--batch-size", batch_size, "real images a step")
      .option("--latent", latent, "random numbers that a picture is made of")
      .option("--slope", slope, "of LeakyReLU")
      .option("--dropout", dropout, "in the discriminator")
      .option("--g-learning-rate", generator_rate, "of the generator")
      .option("--d-learning-rate", discriminator_rate, "of the discriminator")
      .option("--g-steps", generator_steps, "generator updates in a step")
      .option("--g-every", generator_every, "steps, that is discriminator updates, to one of the generator's turns");

  return arguments.run(argc, argv, [&] {
    example::with_device(device, [&](auto chosen) {
      using Device = decltype(chosen);
      nash::Loader<float, Device> loader{nash::load_idx_folder(data), {.batch_size = batch_size, .seed = seed}};
      std::cout << loader.dataset().size() << " images from " << data << '\n';

      const nash::MlpOptions size{.latent = latent, .slope = slope, .dropout = dropout};
      nash::GanTrainer trainer{nash::mlp_generator<float, Device>(size), nash::mlp_discriminator<float, Device>(size), nash::NonSaturating{},
                               {.seed = seed,
                                .generator = {.learning_rate = generator_rate},
                                .discriminator = {.learning_rate = discriminator_rate},
                                .phases = {{nash::Player::discriminator},
                                           {.player = nash::Player::generator, .every = generator_every, .repeat = generator_steps}}}};
      example::train(trainer, loader, steps, out, seed);
    });
  });
}
