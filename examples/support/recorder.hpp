// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <iostream>
#include <optional>

#include "nash/io/csv.hpp"
#include "nash/io/gif.hpp"
#include "nash/io/png.hpp"
#include "nash/train/checkpoint.hpp"
#include "nash/train/gan_trainer.hpp"
#include "support/arguments.hpp"
#include "support/progress.hpp"

namespace example {

/// What a run leaves in its folder: metrics.csv with a row a step, samples.png with an 8×8 grid of fixed latents in
/// inference mode, progress.gif with the same latents over training, and both networks. What an earlier run has left there of
/// these is gone when the first step has succeeded, not before.
template <class Trainer>
class Recorder {
 public:
  /// `pictures` frames over `steps` steps. The latents of the grid depend on the seed alone.
  Recorder(Trainer& trainer, std::filesystem::path folder, nash::index_t steps, nash::index_t pictures, std::uint64_t seed,
           const nash::GridOptions& grid)
      : trainer_(trainer), folder_(std::move(folder)), grid_(grid),
        every_(std::max<nash::index_t>(1, steps / std::max<nash::index_t>(1, pictures))) {
    if (folder_.empty()) throw nash::DataError("--out", "expected a folder to write to, got none", "give its name, or leave --out away");
    trainer.generator().latent().draw(trainer.context(), nash::RandomStream(seed, 0x67726964), 64, latents_);
    take_picture();
  }

  void record(const nash::StepReport& report) {
    begin();
    csv_->row(report.step, report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm);
    if (report.step % every_ == 0) take_picture();
  }

  /// Writes everything that is not written yet and says where it is.
  void finish() {
    begin();
    if (pictured_ != trainer_.steps()) take_picture();
    write_pictures();
    nash::save_network(folder_ / "generator.safetensors", trainer_.sampling_generator());
    nash::save_network(folder_ / "discriminator.safetensors", trainer_.discriminator());
    std::cout << "Samples:  " << (folder_ / "samples.png").string() << "\nProgress: " << (folder_ / "progress.gif").string()
              << "\nMetrics:  " << (folder_ / "metrics.csv").string() << "\nNetworks: " << (folder_ / "generator.safetensors").string()
              << ", " << (folder_ / "discriminator.safetensors").string() << '\n';
  }

  /// The same after a run that failed: the pictures until then, and of the networks those that are numbers. Throws nothing,
  /// since an exception is on its way that matters more.
  void finish_failed() {
    if (!csv_) return;
    try {
      std::cout << "Failed after " << trainer_.steps() << " steps; what there was until then is in " << folder_.string() << '\n' << std::flush;
      write_pictures();
      save_finite("generator.safetensors", trainer_.sampling_generator());
      save_finite("discriminator.safetensors", trainer_.discriminator());
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
    }
  }

 private:
  /// Opens the metrics and clears away what an earlier run has left, the first time.
  void begin() {
    if (csv_) return;
    csv_.emplace(folder_ / "metrics.csv", std::vector<std::string>{"step", "d_loss", "g_loss", "d_real", "d_fake", "d_gradient_norm", "g_gradient_norm"});
    for (const char* const name : {"progress.gif", "generator.safetensors", "discriminator.safetensors"}) {
      std::error_code ignored;
      std::filesystem::remove(folder_ / name, ignored);
    }
    write_samples();
  }

  void write_samples() const { nash::write_png(folder_ / "samples.png", nash::enlarge(pictures_.back(), 2)); }

  void write_pictures() const {
    nash::write_gif(folder_ / "progress.gif", pictures_, {.delay = 10, .last_delay = 200, .enlarge = 2});
  }

  template <class Network>
  void save_finite(const char* name, const Network& network) const {
    bool finite = true;
    Network::visit_state(network, [&](const nash::StateName&, const auto& state) { finite = finite && nash::all_finite(state.value()); });
    if (finite) nash::save_network(folder_ / name, network);
  }

  void take_picture() {
    pictured_ = trainer_.steps();
    trainer_.generate(latents_, samples_);
    pictures_.push_back(nash::image_grid(samples_, grid_));
    if (csv_) write_samples();
  }

  Trainer& trainer_;
  std::filesystem::path folder_;
  nash::GridOptions grid_;
  nash::index_t every_, pictured_ = -1;
  std::optional<nash::CsvWriter> csv_;  // from the first step
  typename Trainer::Images latents_, samples_;
  std::vector<nash::Image> pictures_;
};

/// The loop of the longer examples: trains with a progress bar until the steps are done or Ctrl-C is pressed, and records.
template <class Trainer, class Loader>
void train(Trainer& trainer, Loader& loader, nash::index_t steps, const std::filesystem::path& folder, std::uint64_t seed) {
  require_at_least(1, static_cast<double>(steps), "--steps", "train for some steps");
  watch_for_interrupt();
  const nash::GridOptions grid{.columns = 8, .low = loader.options().low, .high = loader.options().high};
  Recorder recorder(trainer, folder, steps, 60, seed, grid);
  Progress progress(steps, loader.options().batch_size);
  try {
    for (nash::index_t step = 0; step < steps && !interrupted(); ++step) {
      const nash::StepReport report = trainer.step(loader.next());
      recorder.record(report);
      progress.show(report);
    }
  } catch (...) {
    progress.finish();
    recorder.finish_failed();
    throw;
  }
  progress.finish();
  if (interrupted()) std::cout << "Interrupted after " << trainer.steps() << " steps.\n";
  recorder.finish();
}

}  // namespace example
