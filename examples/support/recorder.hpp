// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <iostream>

#include "nash/io/csv.hpp"
#include "nash/io/gif.hpp"
#include "nash/io/png.hpp"
#include "nash/train/checkpoint.hpp"
#include "nash/train/gan_trainer.hpp"
#include "support/arguments.hpp"
#include "support/progress.hpp"

namespace example {

/// What a run leaves in its folder: metrics.csv with a row a step, samples.png with an 8×8 grid of fixed latents in
/// inference mode, progress.gif with the same latents over training, and both networks.
template <class Trainer>
class Recorder {
 public:
  /// `pictures` frames over `steps` steps. The latents of the grid depend on the seed alone.
  Recorder(Trainer& trainer, std::filesystem::path folder, nash::index_t steps, nash::index_t pictures, std::uint64_t seed,
           const nash::GridOptions& grid)
      : trainer_(trainer), folder_(std::move(folder)), grid_(grid), every_(std::max<nash::index_t>(1, steps / std::max<nash::index_t>(1, pictures))),
        csv_(folder_ / "metrics.csv", {"step", "d_loss", "g_loss", "d_real", "d_fake", "d_gradient_norm", "g_gradient_norm"}) {
    trainer.generator().latent().draw(trainer.context(), nash::RandomStream(seed, 0x67726964), 64, latents_);
    take_picture();
  }

  void record(const nash::StepReport& report) {
    csv_.row(report.step, report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm);
    if (report.step % every_ == 0) take_picture();
  }

  /// Writes everything that is not written yet and says where it is.
  void finish() {
    if (pictured_ != trainer_.steps()) take_picture();
    nash::write_gif(folder_ / "progress.gif", pictures_, {.delay = 10, .last_delay = 200, .enlarge = 2});
    nash::save_network(folder_ / "generator.safetensors", trainer_.sampling_generator());
    nash::save_network(folder_ / "discriminator.safetensors", trainer_.discriminator());
    std::cout << "Samples:  " << (folder_ / "samples.png").string() << "\nProgress: " << (folder_ / "progress.gif").string()
              << "\nMetrics:  " << (folder_ / "metrics.csv").string() << "\nNetworks: " << (folder_ / "generator.safetensors").string()
              << ", " << (folder_ / "discriminator.safetensors").string() << '\n';
  }

 private:
  void take_picture() {
    pictured_ = trainer_.steps();
    trainer_.generate(latents_, samples_);
    pictures_.push_back(nash::image_grid(samples_, grid_));
    nash::write_png(folder_ / "samples.png", nash::enlarge(pictures_.back(), 2));
  }

  Trainer& trainer_;
  std::filesystem::path folder_;
  nash::GridOptions grid_;
  nash::index_t every_, pictured_ = -1;
  nash::CsvWriter csv_;
  typename Trainer::Images latents_, samples_;
  std::vector<nash::Image> pictures_;
};

/// The loop of the longer examples: trains with a progress bar until the steps are done or Ctrl-C is pressed, and records.
template <class Trainer, class Loader>
void train(Trainer& trainer, Loader& loader, nash::index_t steps, const std::filesystem::path& folder, std::uint64_t seed) {
  if (steps < 1) throw nash::ShapeError("--steps", "at least 1", nash::concat(steps), "train for some steps");
  watch_for_interrupt();
  const nash::GridOptions grid{.columns = 8, .low = loader.options().low, .high = loader.options().high};
  Recorder recorder(trainer, folder, steps, 60, seed, grid);
  Progress progress(steps, loader.options().batch_size);
  for (nash::index_t step = 0; step < steps && !interrupted(); ++step) {
    const nash::StepReport report = trainer.step(loader.next());
    recorder.record(report);
    progress.show(report);
  }
  progress.finish();
  if (interrupted()) std::cout << "Interrupted after " << trainer.steps() << " steps.\n";
  recorder.finish();
}

}  // namespace example
