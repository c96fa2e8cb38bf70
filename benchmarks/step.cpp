// SPDX-License-Identifier: Apache-2.0
//
// Times whole training steps (the discriminator's update on a real and a generated batch and the generator's update), the
// critic's step of WGAN-GP alone with and without the penalty, or the generation of images. Prints a line of JSON when the first
// step is done, one after each round and one at the end.
//
//   step dcgan64 --batch 64 --steps 5 --threads 2
//   step mlp --mode generate --batch 1
//
// compare_steps.py runs it beside peers/torch_step.py and peers/dlib_step.cpp, which have the same options and the same output.
#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/instruction_set.hpp"
#include "support/step_rounds.hpp"

namespace {

struct Options {
  std::string network, mode = "train", data, instruction_set{benchmark::name_of(nash::detect_instruction_set())};
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
    if (name == concat({"dcgan", size})) return f(dcgan_generator(options), dcgan_discriminator(options));
  }
  throw ShapeError("step", "a network named dcgan28, dcgan28_dense, dcgan32, dcgan64, dcgan128 or mlp", concat({"'", name, "'"}), "");
}

/// The discriminator of this name without its BatchNorm.
template <class Function>
void with_critic(const std::string& name, nash::index_t width, const Function& f) {
  using namespace nash;
  if (name == "dcgan28") return f(dcgan28_generator({.width = width}), dcgan28_critic({.width = width}));
  for (const index_t size : {32, 64, 128}) {
    const DcganOptions options{.size = size, .width = width};
    if (name == concat({"dcgan", size})) return f(dcgan_generator(options), dcgan_critic(options));
  }
  throw ShapeError("step", "a network named dcgan28, dcgan32, dcgan64 or dcgan128 as a critic", concat({"'", name, "'"}), "");
}

void require_at_least(std::int64_t least, const char* option, std::int64_t value) {
  if (value < least) throw nash::ShapeError(option, nash::concat({"at least ", least}), nash::concat({value}), "");
}

/// The first images of a folder or, without one, random ones of the shape that the generator makes.
nash::Tensor<float> real_images(const Options& options, const nash::Shape& shape) {
  if (options.data.empty()) {
    nash::Context<> context(static_cast<int>(options.threads));
    nash::Tensor<float> images(shape);
    nash::fill_uniform(context, nash::RandomStream(1), -1, 1, images.count(), images.data());
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
      .option("--mode", options.mode, "train, reuse (train the generator on the discriminator's fakes), wgan_gp (its critic's step), critic (that without the penalty) or generate")
      .option("--batch", options.batch, "images a step")
      .option("--steps", options.steps, "in a round")
      .option("--rounds", options.rounds, "0: one for each line of input")
      .option("--threads", options.threads, "of the kernels")
      .option("--instruction-set", options.instruction_set, "of the kernels, at most: baseline, avx2, avx512 or amx")
      .option("--width", options.width, "of a DCGAN")
      .option("--data", options.data, "folder of 28×28 digits to train on; else the images are random");
  return arguments.run(argc, argv, [&] {
    if (networks.size() != 1) throw nash::ShapeError("step", "one network", nash::concat({networks.size()}), "see --help");
    options.network = networks[0];
    require_at_least(options.mode == "generate" ? 1 : 2, "--batch", options.batch);  // BatchNorm trains on no single image
    require_at_least(1, "--steps", options.steps);
    require_at_least(0, "--rounds", options.rounds);
    require_at_least(1, "--threads", options.threads);
    const std::string& mode = options.mode;
    if (mode != "train" && mode != "reuse" && mode != "wgan_gp" && mode != "critic" && mode != "generate")
      throw nash::ShapeError("--mode", "train, reuse, wgan_gp, critic or generate", nash::concat({"'", mode, "'"}), "");
    const int threads = static_cast<int>(options.threads);
    const nash::InstructionSet instruction_set = benchmark::instruction_set_of(options.instruction_set);
    const auto run = [&](auto& generator, auto& discriminator, const auto& step) {
      benchmark::run_rounds({options.rounds, options.steps, "nash", generator.parameters().count(), discriminator.parameters().count()}, step);
    };
    const auto run_trainer = [&](auto trainer) {
      trainer.context().limit_instruction_set(instruction_set);
      const nash::Tensor<float> images = real_images(options, trainer.generator().sample_shape(options.batch));
      run(trainer.generator(), trainer.discriminator(), [&] {
        const nash::StepReport report = trainer.step(images);
        return benchmark::Losses{report.d_loss.value_or(0), report.g_loss.value_or(0)};
      });
    };
    if (mode == "wgan_gp" || mode == "critic")
      return with_critic(options.network, options.width, [&](auto generator, auto critic) {
        const nash::Adam adam = nash::WganGpOptions{}.optimizer;
        run_trainer(nash::GanTrainer{std::move(generator), std::move(critic), nash::Wasserstein{},
                                     {.seed = 1, .discriminator = adam, .phases = {{nash::Player::discriminator}}, .threads = threads},
                                     nash::GradientPenalty{mode == "critic" ? 0.0 : 10.0}});
      });
    with_networks(options.network, options.width, [&](auto generator, auto discriminator) {
      if (mode != "generate")
        return run_trainer(nash::GanTrainer{std::move(generator), std::move(discriminator), nash::NonSaturating{},
                                            {.seed = 1, .reuse_fakes = mode == "reuse", .threads = threads}});
      nash::Context<> context(threads);
      context.limit_instruction_set(instruction_set);
      generator.initialise(context, nash::RandomStream(1));
      const nash::KeptFilters kept(context, generator.parameters());
      nash::Tensor<float> latents, samples;
      std::uint64_t seed = 1;
      run(generator, discriminator, [&] {
        generator.latent().draw(context, nash::RandomStream(++seed), options.batch, latents);
        generator.generate(context, latents, samples);
        return benchmark::Losses{.any = false};
      });
    });
  });
}
