// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/any_logit_loss.hpp"

namespace digit_lab {

enum class Kind { plain, no_method, relativistic, wgan, wgan_gp, feature_matching, replay_pool, logan, diff_augment, ada, ada_all, truncation, rejection, ddls, dg_flow };
enum class Normalise { batch, layer, none, spectral, reference, reference_alone };

struct Names {
  std::string name, group, text;
};

/// What is not the default is what a method is about.
struct Setup {
  Kind kind = Kind::plain;
  example::AnyLogitLoss::Kind loss = example::AnyLogitLoss::non_saturating;
  Normalise of_d = Normalise::batch, of_g = Normalise::batch;
  double gradient_penalty = 0, dragan = 0, r1 = 0, r2 = 0, orthogonal = 0, lecam = 0;
  double smoothing = 1, most_smoothing = smoothing, flips = 0, noise = 0, top_k = 1, historical = 0, margin = 1;
  bool std_dev = false, few_digits = false, published = true, one_sided = false, natural = true, reuse_fakes = false;
  bool cosine = false, all_features = false, average_pool = false, pixel_shuffle = false;
  double dropout_of_g = 0, rate_of_g = 1;
  std::optional<double> average = std::nullopt;
  nash::index_t pooled_batches = 32, kernels = 0, r1_every = 1;
};

/// A row of the table.
struct Row : Names, Setup {
  bool is_sampler() const { return group == "samplers"; }
};

inline const std::vector<Row> rows{
    {{"non_saturating", "losses", "`NonSaturating`, the baseline of all that name no loss"}, {}},
    {{"minimax", "losses", "`Minimax`"}, {.loss = example::AnyLogitLoss::minimax}},
    {{"least_squares", "losses", "`LeastSquares`"}, {.loss = example::AnyLogitLoss::least_squares}},
    {{"pearson", "losses", "`LeastSquares{-1, 1, 0}`"}, {.loss = example::AnyLogitLoss::pearson}},
    {{"hinge", "losses", "`Hinge`"}, {.loss = example::AnyLogitLoss::hinge}},
    {{"relativistic", "losses", "`RelativisticAverage{NonSaturating}`"}, {.kind = Kind::relativistic}},
    {{"wgan", "losses", "`wgan_trainer`, as published"}, {.kind = Kind::wgan}},
    {{"wgan_fast", "losses", "the same at the baseline's rate"}, {.kind = Kind::wgan, .published = false}},
    {{"wgan_gp", "losses", "`wgan_gp_trainer`, as published, no BatchNorm in D"}, {.kind = Kind::wgan_gp, .of_d = Normalise::none}},
    {{"wgan_gp_fast", "losses", "the same at the baseline's rate"}, {.kind = Kind::wgan_gp, .of_d = Normalise::none, .published = false}},
    {{"wgan_gp_layer_norm", "losses", "the same, LayerNorm in D"}, {.kind = Kind::wgan_gp, .of_d = Normalise::layer, .published = false}},
    {{"no_norm", "regularisers", "no BatchNorm in D"}, {.of_d = Normalise::none}},
    {{"gradient_penalty", "regularisers", "no BatchNorm in D, `GradientPenalty{10}`"}, {.of_d = Normalise::none, .gradient_penalty = 10}},
    {{"one_sided", "regularisers", "no BatchNorm in D, `GradientPenalty{10, {.one_sided = true}}`"}, {.of_d = Normalise::none, .gradient_penalty = 10, .one_sided = true}},
    {{"r1", "regularisers", "no BatchNorm in D, `R1{1}`"}, {.of_d = Normalise::none, .r1 = 1}},
    {{"r1_strong", "regularisers", "no BatchNorm in D, `R1{10}`"}, {.of_d = Normalise::none, .r1 = 10}},
    {{"r1_lazy", "regularisers", "no BatchNorm in D, `R1{10, 16}`"}, {.of_d = Normalise::none, .r1 = 10, .r1_every = 16}},
    {{"r2_strong", "regularisers", "no BatchNorm in D, `R2{10}`"}, {.of_d = Normalise::none, .r2 = 10}},
    {{"dragan", "regularisers", "no BatchNorm in D, `Dragan{10}`"}, {.of_d = Normalise::none, .dragan = 10}},
    {{"layer_norm", "regularisers", "LayerNorm in the place of D's BatchNorm"}, {.of_d = Normalise::layer}},
    {{"layer_norm_r1", "regularisers", "the same, `R1{1}`"}, {.of_d = Normalise::layer, .r1 = 1}},
    {{"spectral_norm", "regularisers", "`spectral_normalise(d)`"}, {.of_d = Normalise::spectral}},
    {{"spectral_hinge", "regularisers", "`spectral_normalise(d)`, `Hinge`"}, {.loss = example::AnyLogitLoss::hinge, .of_d = Normalise::spectral}},
    {{"spectral_kernels", "regularisers", "`spectral_normalise(d)`, `MinibatchDiscrimination` of 4 kernels"}, {.of_d = Normalise::spectral, .kernels = 4}},
    {{"orthogonal", "regularisers", "`OrthogonalRegularisation{1e-4}`"}, {.orthogonal = 1e-4}},
    {{"lecam", "regularisers", "`LeCam{0.1}`"}, {.lecam = 0.1}},
    {{"feature_matching", "tricks", "`FeatureMatching{1}` at D's last hidden layer"}, {.kind = Kind::feature_matching}},
    {{"all_features", "tricks", "`FeatureMatching{1}` at all of D's layers"}, {.kind = Kind::feature_matching, .all_features = true}},
    {{"label_smoothing", "tricks", "`LabelSmoothing{0.9}`"}, {.smoothing = 0.9}},
    {{"noisy_labels", "tricks", "`LabelSmoothing{0.8, 1}`"}, {.smoothing = 0.8, .most_smoothing = 1}},
    {{"label_flips", "tricks", "`LabelFlips{0.05}`"}, {.flips = 0.05}},
    {{"instance_noise", "tricks", "`InstanceNoise{0.3, steps}`"}, {.noise = 0.3}},
    {{"top_k", "tricks", "`TopK`, down to a half"}, {.top_k = 0.5}},
    {{"logan", "tricks", "`Logan{0.9}`"}, {.kind = Kind::logan}},
    {{"plain_logan", "tricks", "`Logan{0.9, {.natural = false}}`"}, {.kind = Kind::logan, .natural = false}},
    {{"replay_pool", "tricks", "`ReplayPool` of 2 batches"}, {.kind = Kind::replay_pool, .pooled_batches = 2}},
    {{"large_pool", "tricks", "`ReplayPool` of 32 batches"}, {.kind = Kind::replay_pool}},
    {{"historical", "tricks", "`HistoricalAveraging{0.01}`"}, {.historical = 0.01}},
    {{"balanced_steps", "tricks", "`BalancedSteps{0.5}`"}, {.margin = 0.5}},
    {{"reuse_fakes", "tricks", "`.reuse_fakes = true`"}, {.kind = Kind::no_method, .reuse_fakes = true}},
    {{"ema", "tricks", "`.average_decay = 0.98`"}, {.average = 0.98}},
    {{"two_rates", "tricks", "a quarter of D's rate for G"}, {.rate_of_g = 0.25}},
    {{"cosine", "tricks", "`CosineDecay` in the place of `LinearDecay`"}, {.cosine = true}},
    {{"dropout", "tricks", "`Dropout{0.2, {.in_inference = true}}` in G"}, {.dropout_of_g = 0.2}},
    {{"std_dev", "layers", "`MinibatchStdDev` in D"}, {.std_dev = true}},
    {{"discrimination", "layers", "`MinibatchDiscrimination` of 32 kernels in D"}, {.kernels = 32}},
    {{"few_kernels", "layers", "`MinibatchDiscrimination` of 4 kernels in D"}, {.kernels = 4}},
    {{"virtual_batch_norm", "layers", "`VirtualBatchNorm` in G"}, {.of_g = Normalise::reference}},
    {{"reference_batch_norm", "layers", "`VirtualBatchNorm` in G, `.own = false`"}, {.of_g = Normalise::reference_alone}},
    {{"pixel_shuffle", "layers", "`Conv2d` and `PixelShuffle` in G in the place of `ConvTranspose2d`"}, {.pixel_shuffle = true}},
    {{"average_pool", "layers", "`AvgPool2d` in D in the place of stride 2"}, {.average_pool = true}},
    {{"diff_augment", "augmentation", "`DiffAugment`, all digits"}, {.kind = Kind::diff_augment}},
    {{"few", "augmentation", "few digits, the baseline of the others with few"}, {.few_digits = true}},
    {{"few_diff_augment", "augmentation", "few digits, `DiffAugment`"}, {.kind = Kind::diff_augment, .few_digits = true}},
    {{"few_ada", "augmentation", "few digits, `AdaptiveAugmentation`"}, {.kind = Kind::ada, .few_digits = true}},
    {{"few_ada_all", "augmentation", "few digits, `AdaptiveAugmentation` with `BandFilter` and `Corruption` too"}, {.kind = Kind::ada_all, .few_digits = true}},
    {{"few_lecam", "augmentation", "few digits, `LeCam{0.1}`"}, {.lecam = 0.1, .few_digits = true}},
    {{"truncation", "samplers", "`truncated_samples(…, 1)`"}, {.kind = Kind::truncation}},
    {{"rejection", "samplers", "`DiscriminatorRejection`, calibrated"}, {.kind = Kind::rejection}},
    {{"ddls", "samplers", "`refine_latents`, DDLS, calibrated"}, {.kind = Kind::ddls}},
    {{"dg_flow", "samplers", "`refine_latents`, DG-flow, calibrated"}, {.kind = Kind::dg_flow}},
};

/// The rows of a list of names and groups, in the order of the table. Throws DataError where one is unknown.
inline std::vector<const Row*> chosen(const std::string& list) {
  std::vector<std::string> names{""};
  for (const char c : list)
    if (c == ',')
      names.emplace_back();
    else
      names.back() += c;
  const auto is_named = [](const Row& row, const std::string& name) { return row.name == name || row.group == name; };
  std::vector<const Row*> found;
  for (const Row& row : rows)
    if (list == "all" || std::any_of(names.begin(), names.end(), [&](const std::string& name) { return is_named(row, name); })) found.push_back(&row);
  for (const std::string& name : names)
    if (list != "all" && std::none_of(rows.begin(), rows.end(), [&](const Row& row) { return is_named(row, name); }))
      throw nash::DataError("--methods", "all, or names and groups of methods with a comma between them", nash::concat({"'", name, "'"}), "--list names them");
  return found;
}

}  // namespace digit_lab
