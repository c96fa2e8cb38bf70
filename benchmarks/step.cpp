// SPDX-License-Identifier: Apache-2.0
//
// Times whole training steps (the discriminator's update on a real and a generated batch and the generator's update), or the
// generation of images. Prints a line of JSON when the first step is done, one after each round and one at the end.
//
//   step dcgan64 --batch 64 --steps 5 --threads 2
//   step mlp --mode generate --batch 1
//
// compare_steps.py runs it beside peers/torch_step.py and peers/dlib_step.cpp, which have the same options and the same output.
#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/step_rounds.hpp"

namespace {

struct Options {
  std::string network, mode = "train", data;
  std::int64_t batch = 64, steps = 10, rounds = 1, threads = nash::default_threads(), width = 64;
};

/// Calls f(generator, discriminator) for the networks of this name.
template <class Function>
void with_networks(const std::string& name, nash::index_t width, const Function& f) {
  using namespace nash;
  if (name == "dcgan28") return f(dcgan28_generator({.width = width}), dcgan28_discriminator({.width = width}));
  if (name == "dcgan28_dense") return f(dcgan28_dense_generator({.width = width}), dcgan28_dense_discriminator({.width = width}));
  if (name == "mlp") return f(mlp_generator(), mlp_discriminator());
  for (const index_t size : {32, 64, 128}) {
    const DcganOptions options{.size = size, .width = width};
    if (name == concat("dcgan", size)) return f(dcgan_generator(options), dcgan_discriminator(options));
  }
  throw ShapeError("step", "a network named dcgan28, dcgan28_dense, dcgan32, dcgan64, dcgan128 or mlp", concat("'", name, "'"), "");
}

void require_at_least(std::int64_t least, const char* option, std::int64_t value) {
  if (value < least) throw nash::ShapeError(option, nash::concat("at least ", least), nash::concat(value), "");
}

/// The first images of a folder or, without one, random ones of the shape that the generator makes.
nash::Tensor<float> real_images(const Options& options, const nash::Shape& shape) {
  if (options.data.empty()) {
    nash::Context<> context(static_cast<int>(options.threads));
    nash::Tensor<float> images(shape);
    nash::pointwise(context, images.count(), nash::FillUniform<float>{nash::RandomStream(1), -1, 1, images.data()});
    return images;
  }
  nash::Loader loader{nash::load_idx_folder(options.data), {.batch_size = shape[0]}};
  return (*loader.begin()).images;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::vector<std::string> networks;
  example::Arguments arguments("Times training steps, or generation, and prints lines of JSON.");
  arguments.positional("network", networks, "dcgan28, dcgan28_dense, dcgan32, dcgan64, dcgan128 or mlp")
      .option("--mode", options.mode, "train, reuse (train the generator on the discriminator's fakes) or generate")
      .option("--batch", options.batch, "images a step")
      .option("--steps", options.steps, "in a round")
      .option("--rounds", options.rounds, "0: one for each line of input")
      .option("--threads", options.threads, "of the kernels")
      .option("--width", options.width, "of a DCGAN")
      .option("--data", options.data, "folder of 28×28 digits to train on; else the images are random");
  return arguments.run(argc, argv, [&] {
    if (networks.size() != 1) throw nash::ShapeError("step", "one network", nash::concat(networks.size()), "see --help");
    options.network = networks[0];
    require_at_least(options.mode == "generate" ? 1 : 2, "--batch", options.batch);  // BatchNorm trains on no single image
    require_at_least(1, "--steps", options.steps);
    require_at_least(0, "--rounds", options.rounds);
    require_at_least(1, "--threads", options.threads);
    with_networks(options.network, options.width, [&](auto generator, auto discriminator) {
      const int threads = static_cast<int>(options.threads);
      const benchmark::Rounds rounds{options.rounds, options.steps, "nash", generator.parameters().count(), discriminator.parameters().count()};
      if (options.mode == "train" || options.mode == "reuse") {
        const nash::Tensor<float> images = real_images(options, generator.sample_shape(options.batch));
        nash::GanTrainer trainer{std::move(generator), std::move(discriminator), nash::NonSaturating{},
                                 {.seed = 1, .reuse_fakes = options.mode == "reuse", .threads = threads}};
        run_rounds(rounds, [&] {
          const nash::StepReport report = trainer.step(images);
          return benchmark::Losses{report.d_loss.value_or(0), report.g_loss.value_or(0)};
        });
      } else if (options.mode == "generate") {
        nash::Context<> context(threads);
        generator.initialise(context, nash::RandomStream(1));
        nash::Tensor<float> latents, samples;
        std::uint64_t seed = 1;
        run_rounds(rounds, [&] {
          generator.latent().draw(context, nash::RandomStream(++seed), options.batch, latents);
          generator.generate(context, latents, samples);
          return benchmark::Losses{.any = false};
        });
      } else {
        throw nash::ShapeError("--mode", "train, reuse or generate", nash::concat("'", options.mode, "'"), "");
      }
    });
  });
}
