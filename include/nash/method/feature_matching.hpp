// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include "nash/kernels/normalize.hpp"
#include "nash/kernels/weighted_sums.hpp"
#include "nash/nn/chain.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// out := a·x − b·y
template <class T>
struct WeightedDifference {
  T a, b;
  const T* x;
  const T* y;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i) const { out[i] = a * x[i] - b * y[i]; }
};

/// d += factor·difference, the same for every sample
template <class T>
struct AddToEverySample {
  T factor;
  const T* difference;
  T* d;
  NASH_HOST_DEVICE void operator()(index_t i, index_t column) const { d[i] += factor * difference[column]; }
};

/// Feature matching: the generator's fakes are to have the mean features of real samples,
///
///     λ·Σ_taps ‖ mean f(x) − mean f(G(z)) ‖²
///
/// where f is the output of a layer of the discriminator, whose body is a Sequential or an AnySequential; layers within a layer of that count as
/// the outer one. Salimans et al. 2016, section 3.1; there it takes the place of the generator's loss, here it is added.
class FeatureMatching {
 public:
  static constexpr const char* name = "FeatureMatching";

  /// The layers whose outputs are matched, counted from 0; none: all but the last.
  explicit FeatureMatching(double weight = 1, std::vector<index_t> layers = {}) : weight_(weight), layers_(std::move(layers)) {
    require_method_option(0, weight, "FeatureMatching", "a weight");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;
    using Images = Tensor<T, Device>;
    static_assert(std::is_base_of_v<Chain<T, Device>, typename D::BodyType>,
                  "feature matching taps the layers of a Sequential or an AnySequential: give the discriminator one");

   public:
    static constexpr bool carries_nothing = true, runs_ahead = true;

    Work(const FeatureMatching& method, const G&, const D& discriminator) : weight_(method.weight_) {
      const index_t layers = discriminator.body().size();
      taps_.assign(static_cast<std::size_t>(layers), method.layers_.empty());
      if (method.layers_.empty()) taps_.back() = false;
      for (const index_t layer : method.layers_) {
        if (layer < 0 || layer >= layers)
          throw ShapeError("FeatureMatching", concat({"layers from 0 to ", layers - 1}), concat({layer}), "name layers of the discriminator");
        taps_[static_cast<std::size_t>(layer)] = true;
      }
      while (!taps_.empty() && !taps_.back()) taps_.pop_back();
      saved_.resize(taps_.size());
      features_.resize(taps_.size());
      means_.resize(taps_.size());
    }

    double match(const Update<Device>& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes) {
      if (weight_ == 0 || taps_.empty()) return 0;
      Context<Device>& context = update.context;
      const Pass<Device> pass{.context = context, .mode = Mode::train, .random = update.random, .labels = update.labels};
      forward(pass, d, real);
      for (std::size_t i = 0; i < taps_.size(); ++i)
        if (taps_[i]) sum_features(context, means_[i], i);
      forward(pass, d, fakes);
      WeightedSums<Device> value(context, static_cast<index_t>(taps_.size()));
      for (std::size_t i = 0; i < taps_.size(); ++i) {
        if (!taps_[i]) continue;
        sum_features(context, sums_, i);
        const auto of_real = static_cast<T>(1 / static_cast<double>(real.shape()[0])), of_fakes = static_cast<T>(1 / static_cast<double>(fakes.shape()[0]));
        pointwise(context, sums_.count(), WeightedDifference<T>{of_fakes, of_real, sums_.data(), means_[i].data(), means_[i].data()});
        value.add(weight_, means_[i].count(), Square<T>{means_[i].data()});
      }
      backward(pass, d, fakes, d_fakes);
      return value.total();
    }

   private:
    void forward(const Pass<Device>& pass, const D& d, const Images& x) {
      if (d.body().size() < static_cast<index_t>(taps_.size()))
        throw ShapeError("FeatureMatching", concat({"a discriminator of at least ", taps_.size(), " layers, as at first"}), concat({d.body().size()}), "make a trainer of it");
      for (std::size_t i = 0; i < taps_.size(); ++i) {
        const auto& link = d.body().links()[i];
        if (saved_[i].table() != link.table->saved) saved_[i] = AnyValue(*link.table->saved);
        link.table->forward(link.layer.get(), pass.child(static_cast<index_t>(i)), input(i, x), features_[i], saved_[i].get());
      }
    }

    /// From the last tap to the images, whose cotangent is added to.
    void backward(const Pass<Device>& pass, const D& d, const Images& x, Images& d_fakes) {
      Images& last = cotangents_[(taps_.size() - 1) % 2];
      last.resize(features_.back().shape());
      pointwise(pass.context, last.count(), Fill<T>{last.data(), T{0}});
      for (std::size_t i = taps_.size(); i-- > 0;) {
        Images &own = cotangents_[i % 2], &next = cotangents_[(i + 1) % 2];
        const index_t samples = features_[i].shape()[0];
        if (taps_[i])
          pointwise_in_rows(pass.context, samples, means_[i].count(),
                            AddToEverySample<T>{static_cast<T>(2 * weight_ / static_cast<double>(samples)), means_[i].data(), own.data()});
        const auto& link = d.body().links()[i];
        link.table->backward(link.layer.get(), pass.child(static_cast<index_t>(i)), input(i, x), features_[i], saved_[i].get(), own, &next, nullptr);
      }
      pointwise(pass.context, d_fakes.count(), Accumulate<T>{cotangents_[1].data(), d_fakes.data()});
    }

    const Images& input(std::size_t i, const Images& x) const { return i == 0 ? x : features_[i - 1]; }

    void sum_features(Context<Device>& context, Images& sums, std::size_t i) const {
      const Images& features = features_[i];
      sums.resize(Shape{features.shape().count_per_sample()});
      sum_columns(context, features.shape()[0], sums.count(), ColumnValue<T>{features.data()}, sums.data());
    }

    double weight_;
    std::vector<bool> taps_;  // of the layers up to the last one that is matched
    std::vector<AnyValue> saved_;
    std::vector<Images> features_, means_;  // means_: of real samples, then the fakes' less those
    std::array<Images, 2> cotangents_;
    Images sums_;
  };

 private:
  double weight_;
  std::vector<index_t> layers_;
};

}  // namespace nash
