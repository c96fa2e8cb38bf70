// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/kept_filters.hpp"
#include "nash/sample/calibration.hpp"

namespace nash {

struct RejectionOptions {
  /// γ is this percentile of F over each batch: samples above it are accepted with a probability of more than ½, so that the share
  /// that is kept is about 100 − percentile per cent. None: γ = 0, rejection sampling as it is in books.
  std::optional<double> percentile = 80;
  LogitCalibration calibration = {};
  index_t burn_in = 10000;  ///< samples that the first maximum is of
  index_t batch = 256;      ///< samples at a time
  index_t limit = 10000;    ///< samples tried for each that is asked for, before it gives up
};

/// Discriminator rejection sampling: keeps a generated sample with the probability
///
///     σ(F),   F = l − l_M − log(1 − exp(l − l_M − ε)) − γ
///
/// of its calibrated logit l, where l_M is the largest one so far. With γ = 0 that is exp(l − l_M): what is kept is distributed as
/// real samples are, where l is the logarithm of the ratio of densities. Azadi et al. 2019, algorithm 1 and section 3.2; there the
/// discriminator is trained on with the generator held fixed first: by a trainer whose only phase is {Player::discriminator}.
class DiscriminatorRejection {
 public:
  NASH_COLD explicit DiscriminatorRejection(const RejectionOptions& options = {}) : options_(options) {
    const auto percentile = options.percentile.value_or(0);
    if (!(percentile >= 0 && percentile < 100))
      throw ShapeError("DiscriminatorRejection", "a percentile from 0 to below 100", concat({percentile}), "use 80, or std::nullopt for γ = 0");
    for (const auto& [value, what] : {std::pair{options.burn_in, "a burn-in"}, {options.batch, "a batch"}, {options.limit, "a limit"}})
      require_at_least(1, value, "DiscriminatorRejection", what);
  }

  const RejectionOptions& options() const { return options_; }

  /// l_M, the largest calibrated logit so far.
  double maximum() const { return maximum_; }

  /// Raises the maximum where one of these is larger. Throws NumericError for one that is not finite.
  NASH_COLD void observe(std::span<const double> logits) {
    for (const double logit : logits) {
      const double l = options_.calibration(logit);
      if (!std::isfinite(l)) throw NumericError("DiscriminatorRejection", "finite logits", concat({l}), "check the discriminator and the calibration");
      maximum_ = std::max(maximum_, l);
    }
  }

  /// The probability that each sample of a batch is kept with, after raising the maximum.
  NASH_COLD std::vector<double> acceptance(std::span<const double> logits) {
    constexpr double epsilon = 1e-8;  // keeps F of the maximum itself finite
    observe(logits);
    std::vector<double> f(logits.size());
    std::transform(logits.begin(), logits.end(), f.begin(), [&](double logit) {
      const double below = options_.calibration(logit) - maximum_;
      return below - std::log(-std::expm1(below - epsilon));
    });
    const double gamma = options_.percentile ? percentile_of(f) : 0;
    for (double& value : f) value = logistic(value - gamma);
    return f;
  }

  /// `count` samples, in inference mode. The first call draws the burn-in; later ones go on with its maximum.
  /// Throws Error where too few are kept.
  template <class G, class D>
  NASH_COLD auto sample(Context<typename G::Device>& context, const G& generator, const D& discriminator, RandomStream random, index_t count) {
    require_at_least(1, count, "DiscriminatorRejection", "a number of samples");
    return kept_samples(context, generator, discriminator, random, count, {}, 0);
  }

  /// A sample of each of these classes, of networks that depend on labels. Each is the first of its class that is kept, so that those of a
  /// class are distributed as real ones of that class are, where l is the logarithm of the ratio of densities within each; l_M is one for
  /// all of them.
  template <class G, class D>
  NASH_COLD auto sample(Context<typename G::Device>& context, const G& generator, const D& discriminator, RandomStream random,
                        const Labels<typename G::Device>& labels) {
    const LabelView view = labels.view();
    require_at_least(1, view.count, "DiscriminatorRejection", "a number of labels");
    std::vector<std::int32_t> asked(static_cast<std::size_t>(view.count));
    Memory<typename G::Device>::to_host(asked.data(), view.values, asked.size() * sizeof(std::int32_t));
    return kept_samples(context, generator, discriminator, random, view.count, asked, view.classes);
  }

 private:
  static constexpr double nothing = -std::numeric_limits<double>::infinity();

  /// A sample for each request, whose classes are `asked`; none: they have none, and what is kept first is the first sample.
  template <class G, class D>
  NASH_COLD auto kept_samples(Context<typename G::Device>& context, const G& generator, const D& discriminator, RandomStream random, index_t count,
                              const std::vector<std::int32_t>& asked, index_t classes) {
    using T = typename G::Scalar;
    using Device = typename G::Device;
    Tensor<T, Device> latents, drawn, logits;
    Labels<Device> labels;
    const KeptFilters kept_generator(context, generator.parameters()), kept_discriminator(context, discriminator.parameters());
    const auto draw = [&](RandomStream from, index_t samples, const std::vector<index_t>& requests) {
      if (!asked.empty()) {
        std::vector<std::int32_t> own(static_cast<std::size_t>(samples));
        for (std::size_t i = 0; i < own.size(); ++i) own[i] = asked[static_cast<std::size_t>(requests[i % requests.size()])];
        labels.assign(own, classes);
      }
      generator.latent().draw(context, from, samples, latents, labels.view());
      generator.generate(context, latents, drawn, labels.view());
      discriminator.discriminate(context, drawn, logits, labels.view());
      return first_column(logits);
    };
    std::vector<index_t> open(static_cast<std::size_t>(count));  // the requests without a sample, which are tried in turn
    std::iota(open.begin(), open.end(), index_t{0});
    for (index_t seen = maximum_ == nothing ? 0 : options_.burn_in; seen < options_.burn_in; seen += options_.batch)
      observe(draw(random.child(0).child(static_cast<std::uint64_t>(seen)), std::min(options_.batch, options_.burn_in - seen), open));

    Tensor<T, Device> kept(generator.sample_shape(count));
    const index_t size = kept.shape().count_per_sample();
    std::vector<bool> is_kept(static_cast<std::size_t>(count));
    for (index_t found = 0, tried = 0; found < count; tried += options_.batch) {
      if (tried / options_.limit > count)
        throw Error("DiscriminatorRejection", concat({"at least one sample in ", options_.limit, " kept"}), concat({found, " of ", tried}),
                    "give it a percentile, calibrate the discriminator or train the generator further");
      const RandomStream own = random.child(1).child(static_cast<std::uint64_t>(tried));
      const std::vector<double> probability = acceptance(draw(own.child(0), options_.batch, open));
      for (index_t i = 0; i < options_.batch && found < count; ++i) {
        const index_t request = asked.empty() ? found : open[static_cast<std::size_t>(i) % open.size()];
        if (is_kept[static_cast<std::size_t>(request)] || own.child(1).uniform(i) >= probability[static_cast<std::size_t>(i)]) continue;
        pointwise(context, size, Copy<T>{drawn.data() + i * size, kept.data() + request * size});
        is_kept[static_cast<std::size_t>(request)] = true;
        ++found;
      }
      if (!asked.empty()) std::erase_if(open, [&](index_t request) { return is_kept[static_cast<std::size_t>(request)]; });
    }
    return kept;
  }

  template <class T, class Device>
  static std::vector<double> first_column(const Tensor<T, Device>& logits) {
    const std::vector<T> all = logits.to_host();
    std::vector<double> column;
    for (std::size_t i = 0; i < all.size(); i += static_cast<std::size_t>(logits.shape().channels())) column.push_back(static_cast<double>(all[i]));
    return column;
  }

  /// Between the two values next to it, along a straight line.
  double percentile_of(std::vector<double> values) const {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const double place = *options_.percentile / 100 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double above = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (place - static_cast<double>(below)) * (above - values[below]);
  }

  RejectionOptions options_;
  double maximum_ = nothing;
};

}  // namespace nash
