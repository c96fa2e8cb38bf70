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
// Methods of a group also share a picture with a line for each of them, in the order of --list.
//
// Networks are put together when the program runs, and most methods share a trainer, where all but one are at their zero and change no
// bit, so that a method is a line of numbers and the program compiles soon.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "nash/io.hpp"
#include "nash/nash.hpp"
#include "support/any_logit_loss.hpp"
#include "support/arguments.hpp"
#include "support/classifier.hpp"

namespace {

using namespace nash;
using example::AnyLogitLoss;
using Samples = Tensor<float>;
using Net = AnySequential<>;
using AnyLayers = std::vector<AnyLayer<>>;
constexpr index_t classes = 10, pictured = 64, in_a_line = 24, most = 1000000;

enum class Kind { plain, relativistic, wgan, wgan_gp, feature_matching, replay_pool, logan, diff_augment, ada, truncation, rejection, ddls, dg_flow };
enum class Normalise { batch, layer, none, spectral, reference };

struct Names {
  std::string name, group, text;
};

/// What is not the default is what a method is about.
struct Setup {
  Kind kind = Kind::plain;
  AnyLogitLoss::Kind loss = AnyLogitLoss::non_saturating;
  Normalise of_d = Normalise::batch, of_g = Normalise::batch;
  double gradient_penalty = 0, dragan = 0, r1 = 0, orthogonal = 0, lecam = 0, smoothing = 1, flips = 0, noise = 0, top_k = 1, historical = 0;
  bool std_dev = false, discrimination = false, few_digits = false, published = true;
  std::optional<double> average = std::nullopt;
  index_t pooled_batches = 32;
};

/// A row of the table.
struct Row : Names, Setup {
  bool is_sampler() const { return group == "samplers"; }
};

const std::vector<Row> rows{
    {{"non_saturating", "losses", "`NonSaturating`, the baseline of all that name no loss"}, {}},
    {{"minimax", "losses", "`Minimax`"}, {.loss = AnyLogitLoss::minimax}},
    {{"least_squares", "losses", "`LeastSquares`"}, {.loss = AnyLogitLoss::least_squares}},
    {{"hinge", "losses", "`Hinge`"}, {.loss = AnyLogitLoss::hinge}},
    {{"relativistic", "losses", "`RelativisticAverage{NonSaturating}`"}, {.kind = Kind::relativistic}},
    {{"wgan", "losses", "`wgan_trainer`, as published"}, {.kind = Kind::wgan}},
    {{"wgan_fast", "losses", "the same at the baseline's rate"}, {.kind = Kind::wgan, .published = false}},
    {{"wgan_gp", "losses", "`wgan_gp_trainer`, as published, no BatchNorm in D"}, {.kind = Kind::wgan_gp, .of_d = Normalise::none}},
    {{"wgan_gp_fast", "losses", "the same at the baseline's rate"}, {.kind = Kind::wgan_gp, .of_d = Normalise::none, .published = false}},
    {{"no_norm", "regularisers", "no BatchNorm in D, as in the next four"}, {.of_d = Normalise::none}},
    {{"gradient_penalty", "regularisers", "`GradientPenalty{10}`"}, {.of_d = Normalise::none, .gradient_penalty = 10}},
    {{"r1", "regularisers", "`R1{1}`"}, {.of_d = Normalise::none, .r1 = 1}},
    {{"r1_strong", "regularisers", "`R1{10}`"}, {.of_d = Normalise::none, .r1 = 10}},
    {{"dragan", "regularisers", "`Dragan{10}`"}, {.of_d = Normalise::none, .dragan = 10}},
    {{"layer_norm", "regularisers", "LayerNorm in the place of D's BatchNorm"}, {.of_d = Normalise::layer}},
    {{"layer_norm_r1", "regularisers", "the same, `R1{1}`"}, {.of_d = Normalise::layer, .r1 = 1}},
    {{"spectral_norm", "regularisers", "`spectral_normalise(d)`"}, {.of_d = Normalise::spectral}},
    {{"spectral_hinge", "regularisers", "`spectral_normalise(d)`, `Hinge`"}, {.loss = AnyLogitLoss::hinge, .of_d = Normalise::spectral}},
    {{"orthogonal", "regularisers", "`OrthogonalRegularisation{1e-4}`"}, {.orthogonal = 1e-4}},
    {{"lecam", "regularisers", "`LeCam{0.1}`"}, {.lecam = 0.1}},
    {{"feature_matching", "tricks", "`FeatureMatching{1}` at D's last hidden layer"}, {.kind = Kind::feature_matching}},
    {{"label_smoothing", "tricks", "`LabelSmoothing{0.9}`"}, {.smoothing = 0.9}},
    {{"label_flips", "tricks", "`LabelFlips{0.05}`"}, {.flips = 0.05}},
    {{"instance_noise", "tricks", "`InstanceNoise{0.3, steps}`"}, {.noise = 0.3}},
    {{"top_k", "tricks", "`TopK`, down to a half"}, {.top_k = 0.5}},
    {{"logan", "tricks", "`Logan{0.9}`"}, {.kind = Kind::logan}},
    {{"replay_pool", "tricks", "`ReplayPool` of 2 batches"}, {.kind = Kind::replay_pool, .pooled_batches = 2}},
    {{"large_pool", "tricks", "`ReplayPool` of 32 batches"}, {.kind = Kind::replay_pool}},
    {{"historical", "tricks", "`HistoricalAveraging{0.01}`"}, {.historical = 0.01}},
    {{"ema", "tricks", "`.average_decay = 0.98`"}, {.average = 0.98}},
    {{"std_dev", "layers", "`MinibatchStdDev` in D"}, {.std_dev = true}},
    {{"discrimination", "layers", "`MinibatchDiscrimination` in D"}, {.discrimination = true}},
    {{"virtual_batch_norm", "layers", "`VirtualBatchNorm` in G"}, {.of_g = Normalise::reference}},
    {{"diff_augment", "augmentation", "`DiffAugment`, all digits"}, {.kind = Kind::diff_augment}},
    {{"few", "augmentation", "few digits, the baseline of the next three"}, {.few_digits = true}},
    {{"few_diff_augment", "augmentation", "few digits, `DiffAugment`"}, {.kind = Kind::diff_augment, .few_digits = true}},
    {{"few_ada", "augmentation", "few digits, `AdaptiveAugmentation`"}, {.kind = Kind::ada, .few_digits = true}},
    {{"few_lecam", "augmentation", "few digits, `LeCam{0.1}`"}, {.lecam = 0.1, .few_digits = true}},
    {{"truncation", "samplers", "`truncated_samples(…, 1)`"}, {.kind = Kind::truncation}},
    {{"rejection", "samplers", "`DiscriminatorRejection`, calibrated"}, {.kind = Kind::rejection}},
    {{"ddls", "samplers", "`refine_latents`, DDLS, calibrated"}, {.kind = Kind::ddls}},
    {{"dg_flow", "samplers", "`refine_latents`, DG-flow, calibrated"}, {.kind = Kind::dg_flow}},
};

struct Sizes {
  index_t steps, batch_size, width, hidden, latent;
};

/// latent → hidden → 7×7 → 14×14 → 28×28, as dcgan28_dense_generator.
auto make_generator(const Row& row, const Sizes& sizes) {
  const index_t width = sizes.width, hidden = sizes.hidden, reference = sizes.batch_size;
  const ConvTranspose2dOptions grow{.kernel = 4, .stride = 2, .padding = 1, .init = Init::dcgan()};
  AnyLayers layers;
  const auto add_norm = [&](index_t channels) {
    if (row.of_g == Normalise::reference)
      layers.push_back(VirtualBatchNorm{channels, reference, {.init = Init::normal(0.02, 1)}});
    else
      layers.push_back(BatchNorm{channels, {.init = Init::normal(0.02, 1)}});
    layers.push_back(ReLU{});
  };
  layers.push_back(Dense{sizes.latent, hidden, {.bias = false, .init = Init::dcgan()}});
  add_norm(hidden);
  layers.push_back(Dense{hidden, 7 * 7 * 2 * width, {.bias = false, .init = Init::dcgan()}});
  layers.push_back(Reshape{7, 7, 2 * width});
  add_norm(2 * width);
  layers.push_back(ConvTranspose2d{2 * width, width, grow});
  add_norm(width);
  layers.push_back(ConvTranspose2d{width, 1, grow});
  layers.push_back(Tanh{});
  Net net(std::move(layers));
  if (row.of_g == Normalise::reference) {
    AnyLayers with_reference;
    with_reference.push_back(ReferenceBatch{Shape{reference, sizes.latent}, std::move(net)});
    return Generator{Latent::normal(sizes.latent), Net(std::move(with_reference))};
  }
  return Generator{Latent::normal(sizes.latent), std::move(net)};
}

/// 28×28 → 14×14 → 7×7 → hidden, as dcgan28_dense_discriminator; the last layer is head().
Net make_features(const Row& row, const Sizes& sizes) {
  const index_t width = sizes.width, hidden = sizes.hidden;
  const Init init = row.of_d == Normalise::batch ? Init::dcgan() : Init::he(0.2);
  const Conv2dOptions halve{.kernel = 4, .stride = 2, .padding = 1, .init = init};
  AnyLayers layers;
  const auto add_norm = [&](index_t channels) {
    if (row.of_d == Normalise::batch) layers.push_back(BatchNorm{channels, {.init = Init::normal(0.02, 1)}});
    if (row.of_d == Normalise::layer) layers.push_back(LayerNorm{channels});
    layers.push_back(LeakyReLU{0.2});
  };
  layers.push_back(Conv2d{1, width, halve});
  layers.push_back(LeakyReLU{0.2});
  layers.push_back(Conv2d{width, 2 * width, halve});
  add_norm(2 * width);
  if (row.std_dev) layers.push_back(MinibatchStdDev{});
  layers.push_back(Dense{7 * 7 * (2 * width + row.std_dev), hidden, {.init = init}});
  add_norm(hidden);
  return Net(std::move(layers));
}
Net make_head(const Row& row, const Sizes& sizes) {
  constexpr index_t kernels = 32;
  AnyLayers layers;
  if (row.discrimination) layers.push_back(MinibatchDiscrimination{sizes.hidden, kernels});
  layers.push_back(Dense{sizes.hidden + (row.discrimination ? kernels : 0), 1,
                         {.init = row.of_d == Normalise::batch ? Init::dcgan() : Init::he(0.2)}});
  return Net(std::move(layers));
}
auto make_discriminator(const Row& row, const Sizes& sizes) {
  AnyLayers layers = make_features(row, sizes).layers();
  for (const AnyLayer<>& layer : make_head(row, sizes).layers()) layers.push_back(layer);
  Discriminator d{Net(std::move(layers))};
  return row.of_d == Normalise::spectral ? spectral_normalise(d) : d;
}

/// What samplers need of a run.
struct Players {
  Generator<Net> generator;
  Discriminator<Net> discriminator;
};

/// Trains and hands the trainer to use(trainer).
template <class Use>
void train(const Row& row, const Dataset& digits, const Sizes& sizes, double learning_rate, std::uint64_t seed, const Use& use) {
  const Adam adam{.learning_rate = learning_rate};
  const TrainerOptions options{.seed = seed, .generator = adam, .discriminator = adam, .average_decay = row.average};
  const auto play = [&](auto trainer, index_t updates_of_d) {
    const index_t steps = sizes.steps * updates_of_d;
    trainer.set_schedule(Player::discriminator, LinearDecay{.begin = steps / 2, .end = steps, .final_factor = 0.05});
    trainer.set_schedule(Player::generator, LinearDecay{.begin = sizes.steps / 2, .end = sizes.steps, .final_factor = 0.05});
    Loader loader{digits, {.batch_size = sizes.batch_size, .seed = seed}};
    for (index_t step = 0; step < steps && !example::interrupted(); ++step) trainer.step(loader.next().images);
    use(trainer);
  };
  Generator<Net> g = make_generator(row, sizes);
  const auto with = [&](auto d, auto loss, auto... added) { play(GanTrainer{std::move(g), std::move(d), loss, options, added...}, 1); };
  const auto d = [&] { return make_discriminator(row, sizes); };
  switch (row.kind) {
    case Kind::relativistic: return with(d(), RelativisticAverage{NonSaturating{}});
    case Kind::wgan: {
      WganOptions preset;
      if (!row.published) preset.optimizer.learning_rate = learning_rate;
      return play(wgan_trainer(std::move(g), d(), options, preset), preset.n_critic);
    }
    case Kind::wgan_gp: {
      WganGpOptions preset;
      if (!row.published) preset.optimizer.learning_rate = learning_rate;
      return play(wgan_gp_trainer(std::move(g), d(), options, preset), preset.n_critic);
    }
    case Kind::feature_matching:
      return with(Discriminator{Sequential{make_features(row, sizes), make_head(row, sizes)}}, NonSaturating{}, FeatureMatching{1, {0}});
    case Kind::replay_pool: return with(d(), NonSaturating{}, ReplayPool{row.pooled_batches * sizes.batch_size});
    case Kind::logan: return with(d(), NonSaturating{}, Logan{0.9});
    case Kind::diff_augment: return with(d(), NonSaturating{}, DiffAugment{});
    case Kind::ada:  // p may rise from 0 to 1 in half of the run
      return with(d(), NonSaturating{}, AdaptiveAugmentation{{.images = static_cast<double>(sizes.steps) * static_cast<double>(sizes.batch_size) / 2}});
    default: break;
  }
  if (row.of_d == Normalise::none || row.of_d == Normalise::layer)  // penalties, which BatchNorm is refused with
    return with(d(), NonSaturating{}, GradientPenalty{row.gradient_penalty}, R1{row.r1}, Dragan{row.dragan});
  with(d(), AnyLogitLoss{row.loss}, OrthogonalRegularisation{row.orthogonal}, LeCam{row.lecam, {.begin = sizes.steps / 4}},
       LabelSmoothing{row.smoothing}, LabelFlips{row.flips}, InstanceNoise{row.noise, sizes.steps},
       TopK{{.least = row.top_k, .decay = row.top_k, .every = std::max<index_t>(1, sizes.steps / 4)}}, HistoricalAveraging{row.historical});
}

/// The logits that a discriminator gives to samples.
std::vector<double> logits_of(Context<>& context, const Discriminator<Net>& discriminator, const Samples& samples) {
  Samples logits;
  discriminator.discriminate(context, samples, logits);
  return {logits.begin(), logits.end()};
}

/// The first images of a set, as a discriminator sees them.
Samples images_of(const Dataset& digits, index_t count) {
  Loader loader{digits, {.batch_size = std::min(count, digits.size()), .shuffle = false}};
  return loader.next().images;
}

/// The same discriminator with calibrated logits: one more layer, slope·logit + offset.
Discriminator<Net> calibrated(Context<>& context, const Discriminator<Net>& discriminator, const LogitCalibration& calibration) {
  AnyLayers layers = discriminator.body().layers();
  layers.push_back(Dense{1, 1});
  Discriminator<Net> d{Net(std::move(layers))};
  float* const end = d.parameters().end();
  end[-2] = static_cast<float>(calibration.slope), end[-1] = static_cast<float>(calibration.offset);
  d.mark_loaded(context);
  return d;
}

/// `count` samples by a sampler, of players that were trained as the baseline.
Samples draw(const Row& row, Context<>& context, const Players& players, const Dataset& held_out, std::uint64_t seed, index_t count) {
  const auto& [generator, discriminator] = players;
  const RandomStream random(seed);
  if (row.kind == Kind::truncation) return truncated_samples(context, generator, random, count, 1);
  const LogitCalibration calibration =
      LogitCalibration::fit(logits_of(context, discriminator, images_of(held_out, count)),
                            logits_of(context, discriminator, generator.generate(context, RandomStream(seed + 2000), count)));
  if (row.kind == Kind::rejection)
    return DiscriminatorRejection{{.calibration = calibration, .burn_in = 10 * count}}.sample(context, generator, discriminator, random, count);
  Samples latents, samples;
  generator.latent().draw(context, random, count, latents);
  refine_latents(context, generator, calibrated(context, discriminator, calibration), random.child(1), latents,
                 {.dynamics = row.kind == Kind::ddls ? LatentDynamics::ddls : LatentDynamics::dg_flow});
  generator.generate(context, latents, samples);
  return samples;
}

struct Score {
  double sure = 0, rarest = 0;
  index_t classes = 0;
};

template <class Classifier>
Score judge(Context<>& context, const Classifier& classifier, const Samples& samples) {
  Samples logits;
  classifier.forward({context, Mode::infer}, samples, logits, nullptr);
  std::array<index_t, classes> count{};
  const index_t total = samples.shape()[0];
  for (index_t i = 0; i < total; ++i) {
    const float* const own = logits.begin() + i * classes;
    const index_t digit = example::most_probable(logits, i, 0, classes);
    double sum = 0;
    for (index_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(own[k]) - static_cast<double>(own[digit]));
    if (1 / sum >= 0.9) ++count[static_cast<std::size_t>(digit)];
  }
  const auto share = [&](index_t part) { return static_cast<double>(part) / static_cast<double>(total); };
  Score score{.rarest = share(*std::min_element(count.begin(), count.end()))};
  for (const index_t own : count) score.sure += share(own), score.classes += share(own) > 0.02;
  return score;
}

/// The methods of a list of names, in the order of the table.
std::vector<Row> chosen(const std::string& list) {
  if (list == "all") return rows;
  std::vector<std::string> names{""};
  for (const char c : list)
    if (c == ',')
      names.emplace_back();
    else
      names.back() += c;
  std::vector<Row> found;
  for (const std::string& name : names)
    if (std::none_of(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name || row.group == name; }))
      throw DataError("--methods", "all, or names and groups of methods with a comma between them", concat({"'", name, "'"}), "--list names them");
  for (const Row& row : rows)
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return row.name == name || row.group == name; })) found.push_back(row);
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = example::default_data(), out = "runs/digit_lab", list = "all";
  std::int64_t steps = 600, batch_size = 64, width = 16, hidden = 256, latent = 64, held_out = 1000, few = 500, drawn = 1000, classifier_steps = 800;
  std::uint64_t seed = 1;
  double learning_rate = 1e-3;
  bool only_list = false;
  example::Arguments arguments("Trains a small DCGAN on digits once for each method, and lets a classifier judge what it draws.");
  arguments.option("--methods", list, "all, or names and groups of --list with a comma between them")
      .flag("--list", only_list, "name the methods, and train none")
      .option("--data", data, "folder with digits and labels (IDX files)")
      .option("--out", out, "folder for pictures and the table, digits.csv")
      .option("--seed", seed, "of everything that is random")
      .option("--steps", steps, "updates of the generator")
      .option("--batch-size", batch_size, "real images a step")
      .option("--learning-rate", learning_rate, "of both players, for the first half of the steps; published presets have their own")
      .option("--width", width, "channels at 14×14")
      .option("--hidden", hidden, "units of the fully connected layers")
      .option("--latent", latent, "random numbers that a picture is made of")
      .option("--few", few, "digits of the methods for small data")
      .option("--held-out", held_out, "the last digits, which the classifier is tested on and logits are calibrated on")
      .option("--samples", drawn, "that the classifier judges")
      .option("--classifier-steps", classifier_steps, "of training the classifier");

  return arguments.run(argc, argv, [&] {
    if (only_list) {
      for (const Row& row : rows) std::printf("%-20s %-14s %s\n", row.name.c_str(), row.group.c_str(), row.text.c_str());
      return;
    }
    for (const auto& [name, value] : {std::pair{"--steps", steps}, {"--samples", drawn}, {"--classifier-steps", classifier_steps},
                                      {"--batch-size", batch_size}, {"--width", width}, {"--hidden", hidden}, {"--latent", latent}}) {
      example::require_at_least(1, static_cast<double>(value), name, "ask for some");
      if (value > most) throw DataError(name, concat({"at most ", most}), concat({value}), "ask for less, this is a small laboratory");
    }
    const std::vector<Row> wanted = chosen(list);
    const Dataset digits = example::load_labelled_digits(data);
    if (held_out < 1 || held_out >= digits.size())
      throw DataError("--held-out", concat({"1 to ", digits.size() - 1}), concat({held_out}), "keep some digits for training");
    const Dataset training = digits.slice(0, digits.size() - held_out), testing = digits.slice(digits.size() - held_out, held_out);
    if (few < batch_size || few > training.size())
      throw DataError("--few", concat({"a batch of ", batch_size, " to the ", training.size(), " digits that are trained on"}), concat({few}),
                      "ask for a number between these, use smaller batches or hold fewer out");
    const Sizes sizes{steps, batch_size, width, hidden, latent};
    const std::filesystem::path folder(out);
    CsvWriter table(folder / "digits.csv", {"method", "sure", "rarest", "classes"});  // where nothing can be written, this says so

    Context<> context;
    auto classifier = example::make_digit_classifier();
    classifier.initialise(seed);
    example::train_classifier(context, classifier, training, {.steps = classifier_steps, .batch_size = batch_size, .seed = seed}, [](index_t) {});
    std::printf("classifier: %.2f %% of %lld held-out digits right\n\n", 100 * example::accuracy(context, classifier, testing),
                static_cast<long long>(held_out));
    std::printf("| Method | `--methods` | sure | rarest digit | digits of 10 |\n|---|---|---|---|---|\n");
    const auto write_row = [](const std::string& text, const std::string& name, const Score& score) {
      std::printf("| %s | %s | %.1f %% | %.1f %% | %lld |\n", text.c_str(), name.c_str(), 100 * score.sure, 100 * score.rarest,
                  static_cast<long long>(score.classes));
      std::fflush(stdout);
    };
    write_row("the held-out digits themselves", "", judge(context, classifier, images_of(testing, held_out)));

    example::watch_for_interrupt();
    std::optional<Players> baseline;  // trained once, for the table and for samplers
    std::map<std::string, std::vector<float>> lines;
    for (const Row& row : wanted) {
      Samples grid, samples;
      const auto keep = [&](const auto& trainer) {
        if constexpr (std::is_same_v<std::decay_t<decltype(trainer.discriminator())>, Discriminator<Net>>)
          if (row.name == "non_saturating" || row.is_sampler()) baseline.emplace(trainer.generator(), trainer.discriminator());
        if (row.is_sampler()) return;
        grid = trainer.sampling_generator().generate(context, RandomStream(seed), pictured);
        samples = trainer.sampling_generator().generate(context, RandomStream(seed + 1000), drawn);
      };
      if (!row.is_sampler() || !baseline)
        train(row, row.few_digits ? training.slice(0, few) : training, sizes, learning_rate, seed, keep);
      if (example::interrupted()) break;
      if (row.is_sampler()) {
        grid = draw(row, context, *baseline, testing, seed, pictured);
        samples = draw(row, context, *baseline, testing, seed + 1000, drawn);
      }
      const Score score = judge(context, classifier, samples);
      write_png(folder / (row.name + ".png"), image_grid(grid, {.columns = 8}));
      std::vector<float>& sheet = lines[row.group];
      sheet.insert(sheet.end(), grid.begin(), grid.begin() + in_a_line * 28 * 28);
      write_png(folder / concat({"group-", row.group, ".png"}),
                image_grid(Samples(Shape{static_cast<index_t>(sheet.size()) / (28 * 28), 28, 28, 1}, sheet), {.columns = in_a_line}));
      table.row(row.name, score.sure, score.rarest, score.classes);
      write_row(row.text, concat({"`", row.name, "`"}), score);
    }
    std::printf("\nPictures: %s\n", out.c_str());
  });
}
