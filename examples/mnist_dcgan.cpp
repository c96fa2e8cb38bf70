// SPDX-License-Identifier: Apache-2.0
//
// A DCGAN that learns handwritten digits: the example to start from for images of your own.
//
// Two networks play against each other. The generator turns 100 random numbers into a picture of 28×28 pixels; the
// discriminator says how sure it is that a picture is real. Each step shows the discriminator a batch of real and a batch of
// generated pictures, and then moves the generator to where the discriminator would have been fooled.
//
// What to watch: D(x) and D(G(z)) are the mean probabilities that the discriminator gives to real and generated pictures.
// A game that goes well keeps D(x) clearly above and D(G(z)) clearly below one half without either reaching 1 or 0.
#include <iostream>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/devices.hpp"
#include "support/recorder.hpp"

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/mnist_dcgan", device = "cpu";
  std::int64_t steps = 2400, batch_size = 64, width = 32, hidden = 1024, latent = 100, held_out = 0;
  std::uint64_t seed = 1;
  double learning_rate = 1e-3, final_rate = 0.05, average = 0.99;
  example::Arguments arguments("Trains a DCGAN on a folder of MNIST-like digits (IDX files) and records how it goes.");
  arguments.option("--data", data, "folder with train-images-idx3-ubyte[.gz]")
      .option("--held-out", held_out, "the last digits, kept from training; judge_digits compares samples with them")
      .option("--out", out, "folder for pictures, metrics and networks")
      .option("--device", device, "cpu, or cuda where this was built with NASH_CUDA")
      .option("--seed", seed, "of everything that is random")
      .option("--steps", steps, "training steps")
      .option("--batch-size", batch_size, "real images a step")
      .option("--width", width, "channels at 14×14; costs grow with its square")
      .option("--hidden", hidden, "units of the fully connected layers")
      .option("--latent", latent, "random numbers that a picture is made of")
      .option("--learning-rate", learning_rate, "of both players, for the first half of the steps")
      .option("--final-rate", final_rate, "the share of it that is left at the end")
      .option("--average", average, "decay of the generator's moving average, which the pictures are drawn from");

  return arguments.run(argc, argv, [&] {
    example::require_at_least(1, static_cast<double>(steps), "--steps", "train for some steps");
    example::require_at_least(0, final_rate, "--final-rate", "give the share of the learning rate that is to be left, such as 0.05");
    example::with_device(device, [&](auto chosen) {
      using Device = decltype(chosen);
      const nash::Dataset digits = nash::load_idx_folder(data);
      if (held_out < 0 || held_out >= digits.size())
        throw nash::DataError("--held-out", nash::concat({"0 to ", digits.size() - 1}), nash::concat({held_out}), "keep some digits for training");
      nash::Loader<float, Device> loader{digits.slice(0, digits.size() - held_out), {.batch_size = batch_size, .seed = seed}};
      std::cout << loader.dataset().size() << " images from " << data << '\n';

      const nash::Dcgan28DenseOptions size{.latent = latent, .width = width, .hidden = hidden};
      nash::GanTrainer trainer{nash::dcgan28_dense_generator<float, Device>(size), nash::dcgan28_dense_discriminator<float, Device>(size),
                               nash::NonSaturating{},
                               {.seed = seed,
                                .generator = {.learning_rate = learning_rate},
                                .discriminator = {.learning_rate = learning_rate},
                                .average_decay = average}};
      // Large strides first, small ones to finish: the pictures stop jumping from digit to digit.
      for (const auto player : {nash::Player::generator, nash::Player::discriminator})
        trainer.set_schedule(player, nash::LinearDecay{.begin = steps / 2, .end = steps, .final_factor = final_rate});
      example::train(trainer, loader, steps, out, seed);
    });
  });
}
