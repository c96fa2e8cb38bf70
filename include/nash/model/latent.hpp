// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "nash/kernels/host.hpp"
#include "nash/nn/labels.hpp"

namespace nash {

/// z := μ[label] + deviation·z, with μ of U(−bound, bound): the means are a function of the class and the dimension alone.
template <class T>
struct AroundClassMean {
  static constexpr bool scalar_work = true;
  RandomStream means;
  double bound, deviation;
  const std::int32_t* labels;
  index_t size;
  T* z;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const double mean = bound * (2 * means.uniform(labels[i / size] * size + i % size) - 1);
    z[i] = static_cast<T>(mean + deviation * static_cast<double>(z[i]));
  }
};

/// The columns first, …, first + values − 1 of each row := the one-hot code of one of `values`, all equally likely
template <class T>
struct DrawCategory {
  static constexpr bool scalar_work = true;
  RandomStream random;
  index_t size, first, values;
  T* z;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t row = i / values, drawn = static_cast<index_t>(random.uniform(row) * static_cast<double>(values));
    z[row * size + first + i % values] = i % values == drawn ? T{1} : T{0};
  }
};

/// The columns first, …, first + values − 1 of each row := U(−1, 1)
template <class T>
struct DrawContinuous {
  static constexpr bool scalar_work = true;
  RandomStream random;
  index_t size, first, values;
  T* z;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    z[i / values * size + first + i % values] = static_cast<T>(2 * random.uniform(i) - 1);
  }
};

/// Where a generator's input comes from: N×size values, drawn independently, and codes behind them where there are any.
class Latent {
 public:
  enum class Distribution { normal, uniform, truncated_normal, class_normal };

  /// N(0, 1)
  static Latent normal(index_t size) { return {Distribution::normal, size, 1}; }
  /// U(−bound, bound)
  static Latent uniform(index_t size, double bound = 1) { return {Distribution::uniform, size, bound}; }
  /// N(0, 1) given that it lies in [−bound, bound]
  static Latent truncated_normal(index_t size, double bound = 2) { return {Distribution::truncated_normal, size, bound}; }
  /// N(μ[label], deviation²), with a mean for each class, drawn once from U(−bound, bound) and the same ever after: the generator
  /// knows the class by where its latent lies. Ben-Yosef and Weinshall 2018, section 2.1.
  NASH_COLD static Latent class_normal(index_t size, index_t classes, double bound = 1, double deviation = 0.5) {
    Latent latent{Distribution::class_normal, size, bound};
    check_count(1, classes, "a number of classes");
    if (!(deviation > 0 && std::isfinite(deviation)))
      throw ShapeError("Latent", "a positive, finite deviation", concat({deviation}), "use 0.5");
    latent.classes_ = classes, latent.deviation_ = deviation;
    return latent;
  }

  /// The same with a code of one of `values` categories behind it, as `values` columns of which one is 1. InfoGAN's; see Infogan.
  NASH_COLD Latent with_category(index_t values) const {
    if (continuous_ > 0) throw ShapeError("Latent", "categories before continuous codes", "a category after them", "call with_continuous last");
    check_count(2, values, "a number of categories");
    Latent other = *this;
    other.categories_.push_back(values);
    other.size_ += values;
    return other;
  }
  /// The same with `count` continuous codes of U(−1, 1) behind it.
  NASH_COLD Latent with_continuous(index_t count) const {
    check_count(1, count, "a number of continuous codes");
    Latent other = *this;
    other.continuous_ += count;
    other.size_ += count;
    return other;
  }

  /// The columns of a latent, codes included.
  index_t size() const { return size_; }
  Distribution distribution() const { return distribution_; }
  /// Of the uniform distribution, the truncated normal one and the classes' means; without meaning for the normal one.
  double bound() const { return bound_; }
  /// How many classes there are means of; 0 where latents do not depend on labels.
  index_t classes() const { return classes_; }
  const std::vector<index_t>& categories() const { return categories_; }
  index_t continuous() const { return continuous_; }
  bool has_codes() const { return first_code() < size_; }
  /// The first column of the codes.
  index_t first_code() const {
    index_t first = size_ - continuous_;
    for (const index_t values : categories_) first -= values;
    return first;
  }

  /// z := `samples` latents from a random stream. Row i depends on the stream, on i and, of class_normal, on its label alone. Throws
  /// ShapeError where that has no label for each sample.
  template <class T, class Device>
  NASH_COLD void draw(Context<Device>& context, RandomStream random, index_t samples, Tensor<T, Device>& z, const LabelView& labels = {}) const {
    z.resize(Shape{samples, size_});
    draw_noise(context, random, z, labels);
    index_t first = first_code();
    std::uint64_t purpose = 0;
    for (const index_t values : categories_) {
      pointwise(context, samples * values, DrawCategory<T>{random.child(purpose++), size_, first, values, z.data()});
      first += values;
    }
    if (continuous_ > 0) pointwise(context, samples * continuous_, DrawContinuous<T>{random.child(purpose), size_, first, continuous_, z.data()});
  }

 private:
  NASH_COLD Latent(Distribution distribution, index_t size, double bound) : distribution_(distribution), size_(size),
                   bound_(bound) {
    if (size < 1) throw ShapeError("Latent", "at least 1 dimension", concat({size}), "use 100");
    if (!(bound > 0 && std::isfinite(bound))) throw ShapeError("Latent", "a positive, finite bound", concat({bound}), "use 1 or 2");
  }

  NASH_COLD static void check_count(index_t least, index_t value, std::string_view what) {
    if (value < least || value > std::numeric_limits<std::int32_t>::max())
      throw ShapeError("Latent", concat({what, " of at least ", least}), concat({value}), "correct it");
  }

  template <class T, class Device>
  NASH_COLD void draw_noise(Context<Device>& context, RandomStream random, Tensor<T, Device>& z, const LabelView& labels) const {
    switch (distribution_) {
      case Distribution::normal: return fill_normal(context, random, 0, 1, z.count(), z.data());
      case Distribution::uniform: return fill_uniform(context, random, -bound_, bound_, z.count(), z.data());
      case Distribution::truncated_normal:
        return pointwise(context, z.count(), FillTruncatedNormal<T>{random, 0.5 * std::erfc(bound_ / std::sqrt(2.0)), z.data()});
      case Distribution::class_normal:
        require_labels(labels, classes_, z.shape()[0], "Latent");
        fill_normal(context, random, 0, 1, z.count(), z.data());
        return pointwise(context, z.count(), AroundClassMean<T>{RandomStream(0), bound_, deviation_, labels.values, size_, z.data()});
    }
  }

  Distribution distribution_;
  index_t size_;
  double bound_;
  double deviation_ = 1;
  index_t classes_ = 0;
  std::vector<index_t> categories_;
  index_t continuous_ = 0;
};

}  // namespace nash
