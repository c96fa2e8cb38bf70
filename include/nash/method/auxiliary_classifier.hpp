// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/loss/cross_entropy.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// How many heads a discriminator of N×(1+C) outputs has for a generator's samples: C. Throws ShapeError where they are fewer.
template <class G, class D>
NASH_COLD index_t require_heads(index_t least, const G& generator, const D& discriminator, std::string_view method, std::string_view what) {
  const Shape outputs = discriminator.output_shape(generator.sample_shape(1));
  const index_t heads = outputs.channels() - 1;
  if (heads < least)
    throw ShapeError(std::string(method), concat({"a discriminator with N×(1+C) outputs, C of at least ", least, " for ", what}),
                     concat({"N×", outputs.channels()}), concat({"end it with Dense{…, ", 1 + least, "}"}));
  return heads;
}

struct AuxiliaryClassifierOptions {
  index_t classes = 0;  ///< the heads that are classes, from the first on; 0: all
};

/// AC-GAN: the discriminator also tells the class of what it sees, by its outputs 1, 2, … of N×(1+C), and both players want the class
/// to be told rightly. To each term of the loss is added
///
///     λ·mean −log P(label | x)        of real samples and of fakes in D's loss, of fakes in G's
///
/// Odena, Olah and Shlens 2017, equation 3. The generator has to be told the class, as by ConditionalConcat. λ = 0 changes no bit.
class AuxiliaryClassifier {
 public:
  static constexpr const char* name = "AuxiliaryClassifier";

  explicit AuxiliaryClassifier(double weight = 1, const AuxiliaryClassifierOptions& options = {}) : weight_(weight), options_(options) {
    require_method_option(0, weight, "AuxiliaryClassifier", "a weight");
    require_method_option(0, static_cast<double>(options.classes), "AuxiliaryClassifier", "a number of classes");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool runs_ahead = true;

    Work(const AuxiliaryClassifier& method, const G& generator, const D& discriminator) : weight_(method.weight_) {
      const index_t wanted = method.options_.classes;
      const index_t heads = require_heads(std::max<index_t>(2, wanted), generator, discriminator, "AuxiliaryClassifier", "classes");
      classes_ = wanted > 0 ? wanted : heads;
    }

    index_t classes() const { return classes_; }

    double add_to_loss(const Update<Device>& update, LossTerm, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) const {
      return weight_ == 0 ? 0 : add_cross_entropy(update.context, weight_, LabelOfRow{update.labels.values}, 1, classes_, logits, d_logits);
    }

   private:
    double weight_;
    index_t classes_;
  };

 private:
  double weight_;
  AuxiliaryClassifierOptions options_;
};

}  // namespace nash
