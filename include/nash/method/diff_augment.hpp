// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/augmentation.hpp"

namespace nash {

/// Differentiable augmentation, for small data: D sees random maps T of all images, real and generated, in both players' updates, and the
/// generator's gradient goes back through T, so that it does not learn to make augmented images,
///
///     D(T(x)) and D(T(G(z)))
///
/// with T changing colours, shifting and cutting out a square. Zhao et al. 2020, section 3.3, with the same ranges.
class DiffAugment {
 public:
  static constexpr const char* name = "DiffAugment";

  explicit DiffAugment(const AugmentationOptions& options = {}) : options_(options) { check_augmentation(options, "DiffAugment"); }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool carries_nothing = true;
    static constexpr bool runs_ahead = true;

    Work(const DiffAugment& method, const G&, const D&) : options_(method.options_) {}

    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      augmenter_.apply(update.context, update.random.child(static_cast<std::uint64_t>(source)), options_, images);
    }
    void change_images_backward(const Update<Device>& update, ImageSource source, Tensor<T, Device>& d) {
      augmenter_.apply_backward(update.context, update.random.child(static_cast<std::uint64_t>(source)), options_, d);
    }

   private:
    AugmentationOptions options_;
    Augmenter<T, Device> augmenter_;
  };

 private:
  AugmentationOptions options_;
};

}  // namespace nash
