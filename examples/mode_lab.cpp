// SPDX-License-Identifier: Apache-2.0
//
// The laboratory: mixtures of Gaussians in the plane, small enough that the losses and methods of nash that do not need images play on
// them in minutes, and clear enough that one can count what the literature argues about.
//
//   ring   8 Gaussians of deviation 0.1 on a circle of radius 2
//   grid   25 Gaussians of deviation 0.1 at {−4, −2, 0, 2, 4}²
//
// Of 2,500 samples a sample is of high quality if it lies within 3 deviations of a mode's centre, and a mode is found if at least one
// sample of high quality lies there: Srivastava et al. 2017 (VEEGAN), section 4.1. The table has the mean over the seeds, and for the
// modes the fewest of any seed; each picture shows the samples of the first seed, dark, on the modes, light. The column before it says
// how a row differs from the baseline by more than twice the standard error of the difference, and by half a mode or 2 % at least; of
// one seed nothing.
//
// Two multilayer perceptrons with three hidden layers of 64 units play, on the grid for four times the steps, the same for all rows but
// for what the row is about. All methods that change no bit at their zero are in one trainer, so that a row is a line of numbers and the
// program compiles soon.
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/any_logit_loss.hpp"
#include "support/arguments.hpp"

namespace {

using namespace nash;
using example::AnyLogitLoss;
using Samples = Tensor<float>;
constexpr index_t drawn = 2500, latent_size = 16, units = 64, hidden_layers = 3, reference_size = 64;

struct Mixture {
  std::string name;
  double deviation, extent;  // the picture's, from the middle to the border
  index_t work;              // times as many steps as the ring, so that the baseline gets sharp
  std::vector<std::array<double, 2>> centres;

  index_t modes() const { return static_cast<index_t>(centres.size()); }

  /// Samples of the classes given; class k is mode k.
  void draw(RandomStream random, const std::vector<std::int32_t>& classes, Samples& samples) const {
    samples.resize(Shape{static_cast<index_t>(classes.size()), 2});
    for (index_t i = 0; i < samples.count(); ++i)
      samples[i] = static_cast<float>(centres[static_cast<std::size_t>(classes[static_cast<std::size_t>(i / 2)])][static_cast<std::size_t>(i % 2)] +
                                      deviation * random.normal(i));
  }
  std::vector<std::int32_t> draw_classes(RandomStream random, index_t count) const {
    std::vector<std::int32_t> classes(static_cast<std::size_t>(count));
    for (index_t i = 0; i < count; ++i)
      classes[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(random.uniform(i) * static_cast<double>(modes()));
    return classes;
  }
};

Mixture ring() {
  Mixture mixture{"ring", 0.1, 3, 1, {}};
  for (int k = 0; k < 8; ++k) mixture.centres.push_back({2 * std::cos(k * std::numbers::pi / 4), 2 * std::sin(k * std::numbers::pi / 4)});
  return mixture;
}
Mixture grid() {
  Mixture mixture{"grid", 0.1, 6, 4, {}};
  for (int k = 0; k < 25; ++k) mixture.centres.push_back({2.0 * (k % 5) - 4, 2.0 * (k / 5) - 4});
  return mixture;
}

enum class Kind {
  plain, relativistic, feature_matching, replay_pool, balanced, logan, wgan, wgan_gp,
  minibatch_std_dev, minibatch_discrimination, layer_norm, virtual_batch_norm, uniform_logan,
  truncation, rejection, ddls, dg_flow,
  concat, projection, acgan, infogan, class_normal
};

/// A row of the table: what is not the default is what it is about.
struct Row {
  std::string name;
  AnyLogitLoss::Kind loss = AnyLogitLoss::non_saturating;
  Kind kind = Kind::plain;
  double gradient_penalty = 0, dragan = 0, r1 = 0, r2 = 0, clip = 1e30, orthogonal = 0, historical = 0, lecam = 0, smoothing = 1, flips = 0;
  double noise = 0, top_k = 1, generator_rate = 1;  // the last one: of D's
  bool one_sided = false, noisy_labels = false, natural = true, own = true, spectral_norm = false, batch_norm = false, reuse_fakes = false;
  index_t critic_updates = 1;
  std::optional<double> average = std::nullopt;
};

const std::vector<Row> rows{
    {"`NonSaturating`, the baseline of all rows below that name no loss"},
    {.name = "`Minimax`", .loss = AnyLogitLoss::minimax},
    {.name = "`LeastSquares`", .loss = AnyLogitLoss::least_squares},
    {.name = "`Hinge`", .loss = AnyLogitLoss::hinge},
    {.name = "`RelativisticAverage{NonSaturating}`", .kind = Kind::relativistic},
    {.name = "`Wasserstein`, `WeightClip{0.1}`, 5 updates of the critic", .loss = AnyLogitLoss::wasserstein, .clip = 0.1, .critic_updates = 5},
    {.name = "`Wasserstein`, `GradientPenalty{1}`, 5 updates of the critic", .loss = AnyLogitLoss::wasserstein, .gradient_penalty = 1, .critic_updates = 5},
    {.name = "`Wasserstein`, `GradientPenalty{1, {.one_sided = true}}`, 5 updates of the critic", .loss = AnyLogitLoss::wasserstein, .gradient_penalty = 1, .one_sided = true, .critic_updates = 5},
    {.name = "`GradientPenalty{1}`", .gradient_penalty = 1},
    {.name = "`Dragan{1}`", .dragan = 1},
    {.name = "`R1{0.1}`", .r1 = 0.1},
    {.name = "`R2{0.1}`", .r2 = 0.1},
    {.name = "`spectral_normalise(d)`", .spectral_norm = true},
    {.name = "`Hinge`, `spectral_normalise(d)`", .loss = AnyLogitLoss::hinge, .spectral_norm = true},
    {.name = "`OrthogonalRegularisation{1e-3}`", .orthogonal = 1e-3},
    {.name = "`LeCam{0.1, {.begin = steps / 4}}`", .lecam = 0.1},
    {.name = "`LabelSmoothing{0.9}`", .smoothing = 0.9},
    {.name = "`LabelSmoothing{0.9, 1}`", .smoothing = 0.9, .noisy_labels = true},
    {.name = "`LabelFlips{0.05}`", .flips = 0.05},
    {.name = "`InstanceNoise{0.3, steps}`", .noise = 0.3},
    {.name = "`TopK{{.least = 0.5, .decay = 0.5, .every = steps / 4}}`", .top_k = 0.5},
    {.name = "`FeatureMatching{1}`", .kind = Kind::feature_matching},
    {.name = "`ReplayPool{2048}`", .kind = Kind::replay_pool},
    {.name = "`BalancedSteps{0.5}`", .kind = Kind::balanced},
    {.name = "`HistoricalAveraging{0.01}`", .historical = 0.01},
    {.name = "`Logan{0.9}`", .kind = Kind::logan},
    {.name = "`Logan{0.9, {.natural = false}}`", .kind = Kind::logan, .natural = false},
    {.name = "`MinibatchStdDev` in D", .kind = Kind::minibatch_std_dev},
    {.name = "`MinibatchDiscrimination{64, 8}` in D", .kind = Kind::minibatch_discrimination},
    {.name = "`LayerNorm` in D, `Wasserstein`, `GradientPenalty{1}`, 5 updates of the critic", .loss = AnyLogitLoss::wasserstein, .kind = Kind::layer_norm, .gradient_penalty = 1, .critic_updates = 5},
    {.name = "`VirtualBatchNorm` in G", .kind = Kind::virtual_batch_norm},
    {.name = "`VirtualBatchNorm` in G, `.own = false`", .kind = Kind::virtual_batch_norm, .own = false},
    {.name = "a quarter of D's rate for G", .generator_rate = 0.25},
    {.name = "`wgan_trainer`, as published", .kind = Kind::wgan, .critic_updates = 5},
    {.name = "`wgan_gp_trainer`, as published", .kind = Kind::wgan_gp, .critic_updates = 5},
    {.name = "`.average_decay = 0.99`", .average = 0.99},
    {.name = "`.reuse_fakes = true`", .reuse_fakes = true},
    {.name = "`BatchNorm` in G", .batch_norm = true},
    {.name = "the baseline's by `truncated_samples(…, 1)`", .kind = Kind::truncation},
    {.name = "the baseline's by `DiscriminatorRejection{{.percentile = std::nullopt}}`, D trained on", .kind = Kind::rejection},
    {.name = "the baseline's by `refine_latents`, DDLS, D trained on", .kind = Kind::ddls},
    {.name = "the baseline's by `refine_latents`, DG-flow, D trained on", .kind = Kind::dg_flow},
    {.name = "`ConditionalConcat` in both, with labels", .kind = Kind::concat},
    {.name = "`ConditionalBatchNorm`, `ProjectionHead`, with labels", .kind = Kind::projection},
    {.name = "`AuxiliaryClassifier{1}`, with labels", .kind = Kind::acgan},
    {.name = "`Latent::class_normal`, `ConditionalConcat` in D, with labels", .kind = Kind::class_normal},
    {.name = "`Infogan{1}` with a category of as many values as modes", .kind = Kind::infogan},
    {.name = "`Logan{0.9, {.regularisation = 0.1, .share = 0.8}}`, `Latent::uniform`", .kind = Kind::uniform_logan},
};

/// Layers put together when the program runs: one type of network for all rows.
using Net = AnySequential<>;
using AnyLayers = std::vector<AnyLayer<>>;

auto make_generator(const Row& row, const Mixture& mixture) {
  const index_t classes = mixture.modes();
  Latent latent = Latent::normal(latent_size);
  if (row.kind == Kind::infogan) latent = latent.with_category(classes);
  if (row.kind == Kind::uniform_logan) latent = Latent::uniform(latent_size);
  if (row.kind == Kind::class_normal) latent = Latent::class_normal(latent_size, classes);
  AnyLayers layers;
  index_t inputs = latent.size();
  if (row.kind == Kind::concat || row.kind == Kind::acgan) {
    layers.push_back(ConditionalConcat{classes});
    inputs += classes;
  }
  for (index_t i = 0; i < hidden_layers; ++i) {
    layers.push_back(Dense{inputs, units, {.init = Init::he()}});
    if (row.batch_norm) layers.push_back(BatchNorm{units});
    if (row.kind == Kind::projection) layers.push_back(ConditionalBatchNorm{classes, units});
    if (row.kind == Kind::virtual_batch_norm) layers.push_back(VirtualBatchNorm{units, reference_size, {.own = row.own}});
    layers.push_back(ReLU{});
    inputs = units;
  }
  layers.push_back(Dense{inputs, 2});
  if (row.kind == Kind::virtual_batch_norm) layers = {ReferenceBatch<Net>{Shape{reference_size, latent_size}, Net(std::move(layers))}};
  return Generator{latent, Net(std::move(layers))};
}

auto make_discriminator(const Row& row, const Mixture& mixture) {
  const index_t classes = mixture.modes(), heads = row.kind == Kind::acgan || row.kind == Kind::infogan ? classes : 0;
  AnyLayers layers;
  index_t inputs = 2;
  const auto add_dense = [&](index_t outputs) {
    const Dense dense{inputs, outputs, {.init = Init::he(0.2)}};
    layers.push_back(row.spectral_norm ? AnyLayer<>(SpectralNorm{dense}) : AnyLayer<>(dense));
    inputs = outputs;
  };
  if (row.kind == Kind::concat || row.kind == Kind::class_normal) {
    layers.push_back(ConditionalConcat{classes});
    inputs += classes;
  }
  for (index_t i = 0; i < hidden_layers; ++i) {
    add_dense(units);
    if (row.kind == Kind::layer_norm) layers.push_back(LayerNorm{units});
    layers.push_back(LeakyReLU{0.2});
  }
  if (row.kind == Kind::minibatch_std_dev) layers.push_back(MinibatchStdDev{}), ++inputs;
  if (row.kind == Kind::minibatch_discrimination) layers.push_back(MinibatchDiscrimination{units, 8}), inputs += 8;
  if (row.kind == Kind::projection)
    layers.push_back(ProjectionHead{units, classes});
  else
    add_dense(1 + heads);
  return Discriminator{Net(std::move(layers))};
}

struct Budget {
  index_t steps, batch_size;
  double learning_rate;
};

/// So many steps, the second half of them at falling rates. `first` is the first one's number.
template <class Trainer>
void train(Trainer& trainer, const Mixture& mixture, const Budget& budget, index_t steps, std::uint64_t seed, index_t first = 0) {
  trainer.set_schedule(Player::generator, LinearDecay{.begin = budget.steps / 2, .end = budget.steps, .final_factor = 0.05});
  trainer.set_schedule(Player::discriminator, LinearDecay{.begin = steps / 2, .end = steps, .final_factor = 0.05});
  Samples real;
  for (index_t step = first; step < first + steps; ++step) {
    const RandomStream random = RandomStream(seed).child(static_cast<std::uint64_t>(step));
    const auto classes = mixture.draw_classes(random.child(0), budget.batch_size);
    mixture.draw(random.child(1), classes, real);
    trainer.step(real, classes);
  }
}

/// Samples of players that were trained as the baseline, by a sampler. Those that D drives are for one that was trained on with G held fixed, as
/// Azadi et al. 2019 do, section 3.2: a quarter of the steps.
template <class Trainer>
Samples draw(Kind sampler, const Trainer& trainer, const Mixture& mixture, const Budget& budget, std::uint64_t seed) {
  const auto& g = trainer.generator();
  Context<> context(1);
  const RandomStream random(seed + 1000);
  if (sampler == Kind::truncation) return truncated_samples(context, g, random, drawn, 1);
  const Adam adam{.learning_rate = budget.learning_rate};
  GanTrainer calibrating{g, trainer.discriminator(), NonSaturating{}, {.seed = seed, .discriminator = adam, .phases = {{Player::discriminator}}, .threads = 1}};
  train(calibrating, mixture, budget, std::max<index_t>(1, budget.steps / 4), seed, budget.steps);
  const auto& d = calibrating.discriminator();
  if (sampler == Kind::rejection) return DiscriminatorRejection{{.percentile = std::nullopt}}.sample(context, g, d, random, drawn);
  Samples latents, samples;
  g.latent().draw(context, random, drawn, latents);
  refine_latents(context, g, d, random.child(1), latents, {.dynamics = sampler == Kind::ddls ? LatentDynamics::ddls : LatentDynamics::dg_flow});
  g.generate(context, latents, samples);
  return samples;
}

Samples run(const Row& row, const Mixture& mixture, const Budget& budget, std::uint64_t seed) {
  const Adam adam{.learning_rate = budget.learning_rate};
  const index_t steps = budget.steps * row.critic_updates;
  const TrainerOptions options{.seed = seed,
                               .generator = {.learning_rate = row.generator_rate * budget.learning_rate},
                               .discriminator = adam,
                               .phases = {{Player::discriminator}, {.player = Player::generator, .every = row.critic_updates}},
                               .reuse_fakes = row.reuse_fakes,
                               .average_decay = row.average,
                               .threads = 1};
  const auto g = make_generator(row, mixture);
  const auto d = make_discriminator(row, mixture);
  const auto play = [&](auto trainer) {
    train(trainer, mixture, budget, steps, seed);
    if (row.kind == Kind::truncation || row.kind == Kind::rejection || row.kind == Kind::ddls || row.kind == Kind::dg_flow)
      return draw(row.kind, trainer, mixture, budget, seed);
    return trainer.sampling_generator().generate(trainer.context(), RandomStream(seed + 1000), Labels<>(mixture.draw_classes(RandomStream(seed + 2000), drawn)));
  };
  const auto with = [&](auto loss, auto... methods) { return play(GanTrainer{g, d, loss, options, methods...}); };
  switch (row.kind) {
    case Kind::relativistic: return with(RelativisticAverage{NonSaturating{}});
    case Kind::feature_matching: return with(NonSaturating{}, FeatureMatching{1});
    case Kind::replay_pool: return with(NonSaturating{}, ReplayPool{2048});
    case Kind::balanced: return with(NonSaturating{}, BalancedSteps{0.5});
    case Kind::minibatch_discrimination: return with(NonSaturating{});  // penalties refuse its layer, at a weight of 0 too
    case Kind::logan: return with(NonSaturating{}, Logan{0.9, {.natural = row.natural}});
    case Kind::uniform_logan: return with(NonSaturating{}, Logan{0.9, {.regularisation = 0.1, .share = 0.8}});
    case Kind::acgan: return with(NonSaturating{}, AuxiliaryClassifier{1});
    case Kind::infogan: return with(NonSaturating{}, Infogan{1});
    case Kind::wgan: return play(wgan_trainer(g, d, options));
    case Kind::wgan_gp: return play(wgan_gp_trainer(g, d, options));
    default: break;
  }
  const LabelSmoothing smoothing(row.smoothing, row.noisy_labels ? 1 : row.smoothing);
  return with(AnyLogitLoss{row.loss}, GradientPenalty{row.gradient_penalty, {.one_sided = row.one_sided}}, Dragan{row.dragan},
              R1{row.r1}, R2{row.r2}, WeightClip{row.clip}, OrthogonalRegularisation{row.orthogonal}, HistoricalAveraging{row.historical},
              LeCam{row.lecam, {.begin = budget.steps / 4}}, smoothing, LabelFlips{row.flips}, InstanceNoise{row.noise, steps},
              TopK{{.least = row.top_k, .decay = row.top_k, .every = std::max<index_t>(1, budget.steps / 4)}});
}

/// A figure of each seed.
struct Figure {
  std::vector<double> of_seeds;

  double mean() const { return std::accumulate(of_seeds.begin(), of_seeds.end(), 0.0) / static_cast<double>(of_seeds.size()); }
  double least() const { return *std::min_element(of_seeds.begin(), of_seeds.end()); }
  /// Of the mean, squared.
  double standard_error_squared() const {
    const auto n = static_cast<double>(of_seeds.size());
    double sum = 0;
    for (const double value : of_seeds) sum += (value - mean()) * (value - mean());
    return n > 1 ? sum / (n - 1) / n : 0;
  }
  /// 1 or -1 where it is larger or smaller than another by more than seeds and a least difference account for, else 0.
  int beside(const Figure& other, double least_difference) const {
    const double difference = mean() - other.mean();
    if (std::abs(difference) < std::max(least_difference, 2 * std::sqrt(standard_error_squared() + other.standard_error_squared()))) return 0;
    return difference > 0 ? 1 : -1;
  }
};

/// Modes found and the share of high quality.
struct Score {
  Figure modes, quality;

  /// Of one seed more.
  void add(const Mixture& mixture, const Samples& samples) {
    std::vector<index_t> found(mixture.centres.size());
    index_t good = 0;
    for (index_t i = 0; i < samples.shape()[0]; ++i)
      for (std::size_t k = 0; k < found.size(); ++k)
        if (std::hypot(samples[2 * i] - mixture.centres[k][0], samples[2 * i + 1] - mixture.centres[k][1]) <= 3 * mixture.deviation) ++found[k], ++good;
    modes.of_seeds.push_back(static_cast<double>(std::count_if(found.begin(), found.end(), [](index_t count) { return count > 0; })));
    quality.of_seeds.push_back(static_cast<double>(good) / static_cast<double>(samples.shape()[0]));
  }

  std::string beside(const Score& baseline, const std::string& mixture) const {
    const int more = modes.beside(baseline.modes, 0.5), better = quality.beside(baseline.quality, 0.02);
    if (more == 0 && better == 0) return mixture + ": no difference";
    const char* const of_modes = more > 0 ? "more modes" : more < 0 ? "fewer modes" : "";
    const char* const of_quality = better > 0 ? "sharper" : better < 0 ? "more blurred" : "";
    return concat({mixture, ": ", of_modes, more != 0 && better != 0 ? ", " : "", of_quality});
  }
};

/// Both mixtures side by side: modes as light discs, samples as dark points.
Image picture(const std::vector<Mixture>& mixtures, const std::vector<Samples>& samples) {
  constexpr index_t side = 96;
  Image image{side, side * static_cast<index_t>(mixtures.size()), 3, {}};
  image.pixels.assign(static_cast<std::size_t>(image.height * image.width * 3), 255);
  for (std::size_t m = 0; m < mixtures.size(); ++m) {
    const double scale = side / (2 * mixtures[m].extent);
    const auto paint = [&](double x, double y, std::array<std::uint8_t, 3> colour) {
      const auto column = static_cast<index_t>(std::floor(x * scale + side / 2.0)), row = static_cast<index_t>(std::floor(side / 2.0 - y * scale));
      if (!(column >= 0 && column < side && row >= 0 && row < side)) return;
      std::copy(colour.begin(), colour.end(), image.pixels.begin() + 3 * (row * image.width + static_cast<index_t>(m) * side + column));
    };
    const double radius = std::max(3 * mixtures[m].deviation, 2.5 / scale);
    for (const auto& [x, y] : mixtures[m].centres)
      for (double dy = -radius; dy <= radius; dy += 0.5 / scale)
        for (double dx = -radius; dx <= radius; dx += 0.5 / scale)
          if (std::hypot(dx, dy) <= radius) paint(x + dx, y + dy, {255, 190, 110});
    for (index_t i = 0; i < samples[m].shape()[0]; ++i) paint(samples[m][2 * i], samples[m][2 * i + 1], {20, 40, 120});
  }
  return image;
}

}  // namespace

int main(int argc, char** argv) {
  std::string out = "runs/mode_lab", wanted;
  std::int64_t from = 0, steps = 2500, batch_size = 128, seeds = 5, threads = 2;
  double learning_rate = 3e-3;
  example::Arguments arguments("Plays losses and methods on two mixtures of Gaussians and counts the modes that they find.");
  arguments.option("--out", out, "folder for a picture of each row")
      .option("--rows", wanted, "only rows whose name holds this; with several seeds the baseline is played too, to compare with")
      .option("--from", from, "the row to begin with, by the number that its picture has")
      .option("--steps", steps, "updates of the generator on the ring; four times as many on the grid")
      .option("--batch-size", batch_size, "samples a step")
      .option("--learning-rate", learning_rate, "of both players, for the first half of the steps")
      .option("--seeds", seeds, "runs of each row")
      .option("--threads", threads, "runs at a time");

  return arguments.run(argc, argv, [&] {
    for (const auto& [name, value] : {std::pair{"--steps", steps}, {"--seeds", seeds}, {"--threads", threads}})
      example::require_at_least(1, static_cast<double>(value), name, "ask for some");
    if (!(from >= 0 && from < static_cast<std::int64_t>(rows.size())))
      throw DataError("--from", concat({"a number from 0 to ", rows.size() - 1}), concat({from}), "leave it out to see them all");
    const auto is_shown = [&](std::size_t r) { return r >= static_cast<std::size_t>(from) && rows[r].name.find(wanted) != std::string::npos; };
    std::size_t shown = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) shown += is_shown(r);
    if (shown == 0) throw DataError("--rows", concat({"a part of the name of a row", from > 0 ? concat({" from ", from, " on"}) : ""}), "'" + wanted + "'", "leave it out to see them all");
    const std::vector<Mixture> mixtures{ring(), grid()};
    std::printf("| Players and methods | ring: modes of 8 | of high quality | grid: modes of 25 | of high quality | beside the baseline | picture |\n|---|---|---|---|---|---|---|\n");
    std::vector<Score> baseline;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Row& row = rows[r];
      if (!is_shown(r) && !(r == 0 && seeds > 1)) continue;
      const std::int64_t runs = seeds * static_cast<std::int64_t>(mixtures.size());
      std::vector<Samples> samples(static_cast<std::size_t>(runs));
      std::exception_ptr failure;
      std::mutex mutex;
#pragma omp parallel for schedule(dynamic) num_threads(static_cast<int>(threads))
      for (std::int64_t i = 0; i < runs; ++i) {
        try {
          const Mixture& mixture = mixtures[static_cast<std::size_t>(i / seeds)];
          samples[static_cast<std::size_t>(i)] = run(row, mixture, {steps * mixture.work, batch_size, learning_rate}, static_cast<std::uint64_t>(1 + i % seeds));
        } catch (...) {
          const std::lock_guard lock(mutex);
          failure = std::current_exception();
        }
      }
      if (failure) std::rethrow_exception(failure);

      std::string line = concat({"| ", row.name, " |"}), beside;
      for (std::size_t m = 0; m < mixtures.size(); ++m) {
        Score score;
        for (std::size_t seed = 0; seed < static_cast<std::size_t>(seeds); ++seed) score.add(mixtures[m], samples[m * static_cast<std::size_t>(seeds) + seed]);
        char text[64];
        std::snprintf(text, sizeof text, " %.1f (%.0f) | %.0f %% |", score.modes.mean(), score.modes.least(), 100 * score.quality.mean());
        line += text;
        if (r == 0) baseline.push_back(score);
        if (r > 0 && seeds > 1 && !baseline.empty()) beside += (m > 0 ? "; " : " ") + score.beside(baseline[m], mixtures[m].name);
      }
      if (!is_shown(r)) continue;
      char file[32];
      std::snprintf(file, sizeof file, "modes-%02d.png", static_cast<int>(r));
      write_png(std::filesystem::path(out) / file, picture(mixtures, {samples[0], samples[static_cast<std::size_t>(seeds)]}));
      std::printf("%s%s | ![](images/modes/%s) |\n", line.c_str(), beside.c_str(), file);
      std::fflush(stdout);
    }
  });
}
