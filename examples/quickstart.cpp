// SPDX-License-Identifier: Apache-2.0
//
// A whole GAN in one page: it learns handwritten digits in about a minute and leaves a picture of 64 that it made up.
#include <cstdio>

#include "nash/data/idx_folder.hpp"
#include "nash/io/png.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"

using namespace nash;

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "digits.png";
  std::int64_t steps = 600;
  std::uint64_t seed = 1;
  example::Arguments arguments("Trains a small GAN on digits and draws 64 of its own.");
  arguments.option("--data", data, "folder with train-images-idx3-ubyte[.gz]").option("--out", out, "the picture to write")
      .option("--steps", steps, "training steps").option("--seed", seed, "of everything that is random");

  return arguments.run(argc, argv, [&] {
    example::require_at_least(1, static_cast<double>(steps), "--steps", "train for some steps");
    // Real digits, 64 at a time, with pixels in [-1, 1].
    Loader loader{load_idx_folder(data), {.batch_size = 64, .seed = seed}};

    // The forger: from 100 random numbers to a picture. Images are height × width × channels.
    Generator generator{Latent::normal(100),
                        Sequential{Dense{100, 512}, BatchNorm{512}, ReLU{},
                                   Dense{512, 7 * 7 * 64}, Reshape{7, 7, 64}, BatchNorm{64}, ReLU{},
                                   ConvTranspose2d{64, 32, {.kernel = 4, .stride = 2, .padding = 1}}, BatchNorm{32}, ReLU{},
                                   ConvTranspose2d{32, 1, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh{}}};

    // The detective: from a picture to one number, the higher the more real.
    Discriminator discriminator{Sequential{Conv2d{1, 32, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU{0.2},
                                           Conv2d{32, 64, {.kernel = 4, .stride = 2, .padding = 1}}, BatchNorm{64}, LeakyReLU{0.2},
                                           Dense{7 * 7 * 64, 512}, BatchNorm{512}, LeakyReLU{0.2}, Dense{512, 1}}};

    // The game: each step improves the detective on a real and a forged batch, then the forger against the detective.
    const Adam adam{.learning_rate = 1e-3};
    GanTrainer trainer{std::move(generator), std::move(discriminator), NonSaturating{},
                       {.seed = seed, .generator = adam, .discriminator = adam}};
    const auto draw = [&] {
      write_png(out, enlarge(image_grid(trainer.generator().generate(trainer.context(), RandomStream(seed), 64)), 2));
    };
    draw();  // what it makes before it has learnt anything; where no picture can be written, this says so at once
    for (index_t step = 0; step < steps; ++step) {
      const StepReport report = trainer.step(loader.next());
      if (report.step % 50 == 0)
        std::printf("step %4lld   D(x) %.2f   D(G(z)) %.2f\n", static_cast<long long>(report.step), *report.d_real, *report.d_fake);
    }

    draw();
    std::printf("%s\n", out.c_str());
  });
}
