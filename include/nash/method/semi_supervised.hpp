// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/data/dataset.hpp"
#include "nash/method/auxiliary_classifier.hpp"

namespace nash {

/// A batch drawn from a set, with replacement: sample n is number ⌊u·size⌋ of it, u ~ U(0, 1).
template <class T>
struct DrawSamples {
  RandomStream random;
  index_t set, size;  // samples of the set, values of a sample
  const T* from;
  T* to;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t drawn = static_cast<index_t>(random.uniform(i / size) * static_cast<double>(set));
    to[i] = from[drawn * size + i % size];
  }
};

struct SemiSupervisedOptions {
  index_t batch_size = 64;    ///< labelled samples in each of D's updates
  index_t classes = 0;        ///< the heads that are classes, from the first on; 0: all
  double low = -1, high = 1;  ///< what the bytes 0 and 255 become, as of the Loader
};

/// Semi-supervised learning: the discriminator's outputs 1, 2, … of N×(1+C) are class logits, and to its loss is added
///
///     λ·mean −log P(label | x)
///
/// over a batch of a few labelled samples, while the game goes on over many without labels. Salimans et al. 2016, section 5, L_supervised;
/// there D ends with SemiSupervisedHead, so that class logits make the adversarial one, and FeatureMatching trains the generator.
///
/// The labelled samples are D's alone: nobody else is told a class.
class SemiSupervised {
 public:
  static constexpr const char* name = "SemiSupervised";

  /// Throws DataError unless every image has a label.
  explicit SemiSupervised(Dataset labelled, double weight = 1, const SemiSupervisedOptions& options = {})
      : labelled_(std::move(labelled)), weight_(weight), options_(options) {
    require_method_option(0, weight, "SemiSupervised", "a weight");
    require_method_option(1, static_cast<double>(options.batch_size), "SemiSupervised", "a batch size");
    if (!labelled_.has_labels())
      throw DataError(labelled_.name(), "labelled images for SemiSupervised", "none with a label", "give it a slice of a dataset with labels");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;
    using Images = Tensor<T, Device>;

   public:
    static constexpr bool carries_nothing = true, runs_ahead = true;

    Work(const SemiSupervised& method, const G& generator, const D& discriminator) : weight_(method.weight_) {
      const Dataset& set = method.labelled_;
      const Shape sample = generator.sample_shape(1);
      if (set.shape().with_samples(1) != sample)
        throw ShapeError("SemiSupervised", concat({"images of the generator's shape, N", sample.text().substr(1)}), set.shape().text(),
                         "give labelled images of the same kind as the others");
      const index_t wanted = method.options_.classes;
      const index_t heads = require_heads(std::max({index_t{2}, wanted, set.classes()}), generator, discriminator, "SemiSupervised", "the classes of the labels");
      if (wanted > 0 && wanted < set.classes())
        throw ShapeError("SemiSupervised", concat({"at least ", set.classes(), " classes, those of the labels"}), concat({wanted}), "give it as many, or 0 for all heads");
      classes_ = wanted > 0 ? wanted : heads;
      label_classes_ = set.classes();
      load(set, method.options_);
      batch_.resize(set.shape().with_samples(method.options_.batch_size));
      labels_.resize(Shape{method.options_.batch_size});
    }

    double penalise(const Update<Device>& update, const D& discriminator, const Images&, const Images&, Gradients<T, Device>& gradients) {
      if (weight_ == 0) return 0;
      Context<Device>& context = update.context;
      const RandomStream random = update.random.child(1);
      const index_t set = all_.shape()[0];
      pointwise(context, batch_.count(), DrawSamples<T>{random, set, all_.shape().count_per_sample(), all_.data(), batch_.data()});
      pointwise(context, labels_.count(), DrawSamples<std::int32_t>{random, set, 1, all_labels_.data(), labels_.data()});
      const Pass<Device> pass{.context = context, .mode = Mode::train, .random = update.random.child(0),
                              .labels = {labels_.data(), labels_.count(), label_classes_}};
      discriminator.forward(pass, batch_, logits_, &tape_);
      d_logits_.resize(logits_.shape());
      pointwise(context, d_logits_.count(), Fill<T>{d_logits_.data(), T{0}});
      const double value = add_cross_entropy(context, weight_, LabelOfRow{labels_.data()}, 1, classes_, logits_, d_logits_);
      discriminator.backward(pass, batch_, logits_, tape_, d_logits_, nullptr, &gradients);
      return value;
    }

   private:
    NASH_COLD void load(const Dataset& set, const SemiSupervisedOptions& options) {
      std::vector<T> values;
      std::vector<std::int32_t> labels;
      for (index_t i = 0; i < set.size(); ++i) {
        for (const std::uint8_t byte : set.image(i)) values.push_back(static_cast<T>(options.low + byte * (options.high - options.low) / 255.0));
        labels.push_back(set.label(i));
      }
      all_ = Images(set.shape(), values);
      all_labels_ = Tensor<std::int32_t, Device>(Shape{set.size()}, labels);
    }

    double weight_;
    index_t classes_ = 0, label_classes_ = 0;
    Images all_, batch_, logits_, d_logits_;
    Tensor<std::int32_t, Device> all_labels_, labels_;
    typename D::Saved tape_;
  };

 private:
  Dataset labelled_;
  double weight_;
  SemiSupervisedOptions options_;
};

}  // namespace nash
