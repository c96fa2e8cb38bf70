// SPDX-License-Identifier: Apache-2.0
//
// The laboratory on digits: one small DCGAN is trained on the bundled digits once for each loss and method, with all else the same, and
// a classifier of real digits says what came of it. mode_lab does the same in the plane, where one can count exactly.
//
// For each method there is a grid of 64 samples, of the same latents for all, and a row of the table:
//
//   sure      the share of 1,000 samples that the classifier names with a probability of at least 0.9
//   rarest    the least frequent of the ten digits, as a share of the 1,000, where only samples that it is sure of count
//   classes   how many digits are more than 2 % of the 1,000, counted in the same way
//
// The first says how clear the samples are, the others how various: a generator that draws nothing but clear ones wins the first alone.
// With --seeds the table has the mean, the least and the largest of so many runs. Methods of a group also share a picture with a line for
// each of them, in the order of --list.
//
// Several processes may each play some of the methods, or the same ones with other settings, each in a folder of its own:
//
//   digit_lab --methods losses --seeds 3 --classifier judge.safetensors --out runs/lab/losses
//   digit_lab --methods dragan --seeds 3 --classifier judge.safetensors --updates-of-d 5 --out runs/lab/dragan5
//   digit_lab runs/lab/losses runs/lab/dragan5 --out runs/lab        # one table and the groups' pictures of what they left
//
// Networks are put together when the program runs, and most methods share a trainer, where all but one are at their zero and change no
// bit, so that a method is a line of numbers and the program compiles soon. The parts are in digit_lab/.
#include <cstdio>

#include "digit_lab/pictures.hpp"
#include "digit_lab/results.hpp"
#include "digit_lab/samplers.hpp"
#include "digit_lab/training.hpp"
#include "support/devices.hpp"
#include "support/judge.hpp"

namespace {

using namespace nash;
using namespace digit_lab;
constexpr index_t most = 1000000;

/// What the command line asks for.
struct Options {
  std::vector<const Row*> wanted;
  Settings settings;
  std::uint64_t seed;
  index_t seeds, few, drawn;
  std::filesystem::path out;
};

/// Plays the rows on a device, one seed after the other.
template <class Device>
void play(const Options& options, const example::Split& split, const example::Classifier& trained) {
  using Samples = Tensor<float, Device>;
  Context<Device> context;
  Network classifier(trained.body().to<float, Device>(), "Classifier");
  classifier.mark_loaded(context);
  std::printf("classifier: %.2f %% of %lld held-out digits right\n\n", 100 * example::accuracy(context, classifier, split.testing),
              static_cast<long long>(split.testing.size()));
  ResultWriter table(options.out);
  Pictures pictures(options.out);
  std::vector<std::optional<Players<Device>>> baselines(static_cast<std::size_t>(options.seeds));  // trained once, for the table and for samplers
  print_table_head();
  print_line("the held-out digits themselves", "", "", {{nullptr, {}, 0, judge(context, classifier, images_of<Device>(split.testing, options.drawn))}});
  for (const Row* const wanted : options.wanted) {
    const Row& row = *wanted;
    const Dataset digits = row.few_digits ? split.training.slice(0, options.few) : split.training;
    std::vector<Result> runs;
    for (index_t run = 0; run < options.seeds; ++run) {
      const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(run);
      auto& baseline = baselines[static_cast<std::size_t>(run)];
      Samples grid, samples;
      const auto keep = [&](const auto& trainer) {
        if constexpr (std::is_same_v<std::decay_t<decltype(trainer.discriminator())>, Discriminator<Net<Device>>>)
          if (row.name == "non_saturating" || row.is_sampler()) baseline.emplace(Players<Device>{trainer.generator(), trainer.discriminator()});
        if (row.is_sampler()) return;
        grid = trainer.sampling_generator().generate(context, RandomStream(seed), Pictures::samples);
        samples = trainer.sampling_generator().generate(context, RandomStream(seed + 1000), options.drawn);
      };
      try {
        if (!row.is_sampler() || !baseline) train<Device>(row, digits, options.settings, seed, keep);
        if (example::interrupted()) return;
        if (row.is_sampler()) {
          grid = draw(row, context, *baseline, split.testing, seed, Pictures::samples);
          samples = draw(row, context, *baseline, split.testing, seed + 1000, options.drawn);
        }
      } catch (const NumericError& error) {  // the other runs go on; the table says how many seeds there were
        std::fprintf(stderr, "%s, seed %llu: %s\n", row.name.c_str(), static_cast<unsigned long long>(seed), error.what());
        continue;
      }
      if (runs.empty()) pictures.write(row, grid);
      runs.push_back({&row, values_of(row, options.settings, digits.size()), seed, judge(context, classifier, samples)});
      table.write(runs.back());
    }
    if (!runs.empty()) print_line(row.text, concat({"`", row.name, "`"}), concat({runs.size()}), runs);
  }
}

/// Joins what earlier runs have left.
void join(const std::vector<std::string>& folders, const std::filesystem::path& out) {
  std::vector<std::pair<Result, std::filesystem::path>> places;
  std::vector<Result> results;
  for (const std::string& folder : folders)
    for (const Result& result : read_results(folder)) results.push_back(result), places.emplace_back(result, folder);
  require_each_once(results);
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.first.row < b.first.row; });
  Pictures pictures(out);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto same = [&](const auto& place) { return place.first.is_of_same_row(places[i].first); };
    if (std::none_of(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(i), same)) pictures.add_line_of(*places[i].first.row, places[i].second);
  }
  ResultWriter table(out);
  for (const auto& [result, folder] : places) table.write(result);
  pictures.write_groups();
  print_table(results);
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/digit_lab", list = "all", device = "cpu", weights;
  std::vector<std::string> folders;
  std::int64_t steps = 600, batch_size = 64, width = 16, hidden = 256, latent = 64, repeats = 0, seeds = 1;
  std::int64_t held_out = 1000, few = 500, drawn = 1000, classifier_steps = 800;
  std::uint64_t seed = 1;
  Adam adam{.learning_rate = 1e-3};
  double rate_of_d = 1;
  bool only_list = false;
  example::Arguments arguments("Trains a small DCGAN on digits once for each method, and lets a classifier judge what it draws.");
  arguments.option("--methods", list, "all, or names and groups of --list with a comma between them")
      .flag("--list", only_list, "name the methods, and train none")
      .option("--data", data, "folder with digits and labels (IDX files)")
      .option("--out", out, "folder for pictures and the table, digits.csv")
      .option("--device", device, "what the GANs are trained on: cpu, or cuda where this was built with NASH_CUDA")
      .option("--seed", seed, "of everything that is random, the first of --seeds")
      .option("--seeds", seeds, "runs of each method, with one seed after the other")
      .option("--steps", steps, "updates of the generator")
      .option("--updates-of-d", repeats, "updates of the discriminator for each of the generator; 0: 5 for the Wasserstein presets, 1 for all others")
      .option("--batch-size", batch_size, "real images a step")
      .option("--learning-rate", adam.learning_rate, "of both players, for the first half of the steps; published presets have their own")
      .option("--rate-of-d", rate_of_d, "the discriminator's learning rate, as a multiple of the generator's; not for presets")
      .option("--beta1", adam.beta1, "of Adam; presets have their own")
      .option("--beta2", adam.beta2, "of Adam; presets have their own")
      .option("--width", width, "channels at 14×14")
      .option("--hidden", hidden, "units of the fully connected layers")
      .option("--latent", latent, "random numbers that a picture is made of")
      .option("--few", few, "digits of the methods for small data")
      .option("--held-out", held_out, "the last digits, which the classifier is tested on and logits are calibrated on")
      .option("--samples", drawn, "that the classifier judges")
      .option("--classifier", weights, "file that the classifier is loaded from, or saved to where it is missing; none: it is trained each time")
      .option("--classifier-steps", classifier_steps, "of training the classifier")
      .positional("folders", folders, "folders that earlier runs have left: joins their tables and pictures in --out, and trains nothing");

  return arguments.run(argc, argv, [&] {
    if (only_list) {
      for (const Row& row : rows) std::printf("%-20s %-14s %s\n", row.name.c_str(), row.group.c_str(), row.text.c_str());
      return;
    }
    if (!folders.empty()) return join(folders, out);
    for (const auto& [name, value] : {std::pair{"--steps", steps}, {"--samples", drawn}, {"--classifier-steps", classifier_steps}, {"--seeds", seeds},
                                      {"--batch-size", batch_size}, {"--width", width}, {"--hidden", hidden}, {"--latent", latent}}) {
      example::require_at_least(1, static_cast<double>(value), name, "ask for some");
      if (value > most) throw DataError(name, concat({"at most ", most}), concat({value}), "ask for less, this is a small laboratory");
    }
    if (repeats < 0 || repeats > 1000) throw DataError("--updates-of-d", "0 to 1000", concat({repeats}), "5 is a usual number");
    example::require_at_least(0, rate_of_d, "--rate-of-d", "1 gives both players the same");
    Options options{.wanted = chosen(list),
                    .settings = {steps, batch_size, width, hidden, latent, repeats, adam, rate_of_d},
                    .seed = seed,
                    .seeds = seeds,
                    .few = few,
                    .drawn = drawn,
                    .out = out};
    const example::Split split = example::load_split(data, held_out);
    if (few < batch_size || few > split.training.size())
      throw DataError("--few", concat({"a batch of ", batch_size, " to the ", split.training.size(), " digits that are trained on"}), concat({few}),
                      "ask for a number between these, use smaller batches or hold fewer out");
    example::with_device(device, [&](auto chosen_device) {
      (void)ResultWriter(options.out);  // where nothing can be written, this says so
      Context<> host;
      const auto classifier = example::load_or_train_classifier(host, weights, split, {.steps = classifier_steps, .batch_size = batch_size, .seed = seed}, [](index_t) {});
      example::watch_for_interrupt();
      play<decltype(chosen_device)>(options, split, classifier);
    });
    std::printf("\nPictures: %s\n", out.c_str());
  });
}
