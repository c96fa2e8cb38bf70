// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/augmentation.hpp"

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
  AugmentationOptions augmentation = {};
};

/// Adaptive discriminator augmentation, ADA: each of DiffAugment's maps happens to an image with a probability p, which rises while D
/// overfits and else falls: after every interval,
///
///     p := max(0, min(p ± interval·B/images, 1)), up where r = mean sign(D(x)) > target.
///
/// Karras et al. 2020, "Training generative adversarial networks with limited data", section 3 and equation 1 (r_t). Of their eighteen
/// maps it has brightness, saturation, contrast, whole shifts and cutout. While p is 0, nothing happens to images.
class AdaptiveAugmentation {
 public:
  explicit AdaptiveAugmentation(const AdaptiveAugmentationOptions& options = {}) : options_(options) {
    check_augmentation(options.augmentation, "AdaptiveAugmentation");
    require_at_least(1, options.interval, "AdaptiveAugmentation", "an interval");
    if (!(options.target >= -1 && options.target <= 1))
      throw ShapeError("AdaptiveAugmentation", "a target from −1 to 1", concat({options.target}), "use 0.6");
    if (!(options.images > 0)) throw ShapeError("AdaptiveAugmentation", "a number of images above 0", concat({options.images}), "use 500000");
    if (!(options.probability >= 0 && options.probability <= 1))
      throw ShapeError("AdaptiveAugmentation", "a probability from 0 to 1", concat({options.probability}), "use 0");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    Work(const AdaptiveAugmentation& method, const G&, const D&) : options_(method.options_), probability_(options_.probability) {}

    /// p, as it is now.
    double probability() const { return probability_; }

    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      if (probability_ == 0) return;
      augmenter_.apply(update.context, update.random.child(static_cast<std::uint64_t>(source)), options_.augmentation, probability_, images);
    }
    void change_images_backward(const Update<Device>& update, ImageSource source, Tensor<T, Device>& d) {
      if (probability_ == 0) return;
      augmenter_.apply_backward(update.context, update.random.child(static_cast<std::uint64_t>(source)), options_.augmentation, probability_, d);
    }

    /// No term: it counts the logits' signs.
    double add_to_loss(const Update<Device>& update, LossTerm term, const Tensor<T, Device>& logits, Tensor<T, Device>&) {
      if (term != LossTerm::real) return 0;
      const index_t rows = logits.shape()[0];
      signs_ += sum(update.context, rows, LogitSigns<T>{logits.data(), logits.shape().channels()});
      seen_ += rows;
      ++updates_;
      return 0;
    }

    /// p changes between steps, so that all passes of one see the same.
    void after_step(index_t, const StepReport&) {
      if (updates_ < options_.interval) return;
      const double r = signs_ / static_cast<double>(seen_), step = static_cast<double>(seen_) / options_.images;
      probability_ = std::clamp(probability_ + (r > options_.target ? step : -step), 0.0, 1.0);
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
    Augmenter<T, Device> augmenter_;
    double probability_, signs_ = 0;
    index_t seen_ = 0, updates_ = 0;
  };

 private:
  AdaptiveAugmentationOptions options_;
};

}  // namespace nash
