// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/band_filter.hpp"
#include "nash/method/colour_change.hpp"
#include "nash/method/corruption.hpp"
#include "nash/method/geometric_warp.hpp"
#include "nash/method/pixel_blit.hpp"

namespace nash {

/// Σ sign(l) of the adversarial logits
template <class T>
struct LogitSigns {
  const T* logits;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const {
    const T l = logits[row * columns];
    return l > T{0} ? 1.0 : l < T{0} ? -1.0 : 0.0;
  }
};

struct AdaptiveAugmentationOptions {
  double target = 0.6;       ///< of r, the mean sign of D's logits on real images
  index_t interval = 4;      ///< updates of D between two changes of p
  double images = 500000;    ///< real images after which p has gone from 0 to 1, if it always rises
  double probability = 0;    ///< p at first
};

/// Adaptive discriminator augmentation, ADA: D sees random maps of all images, real and generated, in both players' updates, and the
/// generator's gradient goes back through them. Each map happens to an image with a probability p, which rises while D overfits and else
/// falls: after every interval,
///
///     p := max(0, min(p ± interval·B/images, 1)), up where r = mean sign(D(x)) > target.
///
/// Karras et al. 2020, "Training generative adversarial networks with limited data", section 3 and equation 1 (r_t). While p is 0,
/// nothing happens to images. Families of maps are given after the options, PixelBlit, GeometricWarp and ColourChange where none is
/// (the authors' "bgc"); there are BandFilter and Corruption besides, and any of your own (augmentation_family.hpp):
///
///     AdaptiveAugmentation{{.target = 0.6}, PixelBlit{.quarter_turns = false}, GeometricWarp{.rotation = 0.1}, Corruption{}}
template <AugmentationFamily... Families>
class AdaptiveAugmentation {
 public:
  static constexpr const char* name = "AdaptiveAugmentation";

  explicit AdaptiveAugmentation(const AdaptiveAugmentationOptions& options, const Families&... families)
      : options_(options), families_(families...) {
    (families.check(), ...);
    require_at_least(1, options.interval, "AdaptiveAugmentation", "an interval");
    if (!(options.target >= -1 && options.target <= 1))
      throw ShapeError("AdaptiveAugmentation", "a target from −1 to 1", concat({options.target}), "use 0.6");
    if (!(options.images > 0)) throw ShapeError("AdaptiveAugmentation", "a number of images above 0", concat({options.images}), "use 500000");
    if (!(options.probability >= 0 && options.probability <= 1))
      throw ShapeError("AdaptiveAugmentation", "a probability from 0 to 1", concat({options.probability}), "use 0");
  }

  /// With the families as they are by default.
  explicit AdaptiveAugmentation(const AdaptiveAugmentationOptions& options = {})
    requires(sizeof...(Families) > 0)
      : AdaptiveAugmentation(options, Families{}...) {}

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;
    static_assert(sizeof...(Families) > 0, "AdaptiveAugmentation needs a family of maps: PixelBlit{}, GeometricWarp{}, ColourChange{}, …");

   public:
    static constexpr bool runs_ahead = true;

    Work(const AdaptiveAugmentation& method, const G&, const D&) : options_(method.options_), chain_(method.families_), probability_{options_.probability} {}

    /// p, as it is now.
    double probability() const { return probability_; }

    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      if (probability_ == 0) return;
      chain_.apply(update.context, update.random.child(static_cast<std::uint64_t>(source)), probability_, images);
    }
    void change_images_backward(const Update<Device>& update, ImageSource source, Tensor<T, Device>& d) {
      if (probability_ == 0) return;
      chain_.apply_backward(update.context, update.random.child(static_cast<std::uint64_t>(source)), probability_, d);
    }

    /// No term: it counts the logits' signs.
    double add_to_loss(const Update<Device>& update, LossTerm term, const Tensor<T, Device>& logits, Tensor<T, Device>&) {
      if (term != LossTerm::real) return 0;
      const index_t rows = logits.shape()[0];
      sum_later(update, rows, LogitSigns<T>{logits.data(), logits.shape().channels()}, signs_);
      seen_ += rows;
      ++updates_;
      return 0;
    }

    /// p changes between steps, so that all passes of one see the same.
    void after_step(index_t, const StepReport&) {
      if (updates_ < options_.interval) return;
      const double r = signs_ / static_cast<double>(seen_), step = static_cast<double>(seen_) / options_.images;
      probability_.value = std::clamp(probability_ + (r > options_.target ? step : -step), 0.0, 1.0);
      signs_ = 0, seen_ = 0, updates_ = 0;
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("probability", self.probability_);
      visit("signs", self.signs_);
      visit("seen", self.seen_);
      visit("updates", self.updates_);
    }

   private:
    AdaptiveAugmentationOptions options_;
    AugmentationChain<T, Device, Families...> chain_;
    Probability probability_;
    double signs_ = 0;
    index_t seen_ = 0, updates_ = 0;
  };

 private:
  AdaptiveAugmentationOptions options_;
  std::tuple<Families...> families_;
};

AdaptiveAugmentation() -> AdaptiveAugmentation<PixelBlit, GeometricWarp, ColourChange>;
AdaptiveAugmentation(const AdaptiveAugmentationOptions&) -> AdaptiveAugmentation<PixelBlit, GeometricWarp, ColourChange>;

}  // namespace nash
