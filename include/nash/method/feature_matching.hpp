// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "nash/kernels/normalize.hpp"
#include "nash/kernels/weighted_sums.hpp"
#include "nash/nn/sequential.hpp"
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
/// where f is the output of a layer of the discriminator. Salimans et al. 2016, section 3.1; there it takes the place of the
/// generator's loss, here it is added.
class FeatureMatching {
 public:
  static constexpr const char* name = "FeatureMatching";

  /// The layers whose outputs are matched, counted from 0; none: all but the last.
  explicit FeatureMatching(double weight = 1, std::vector<index_t> layers = {}) : weight_(weight), layers_(std::move(layers)) {
    require_method_option(0, weight, "FeatureMatching", "a weight");
  }

  template <class G, class D>
  class Work {
    static_assert(sizeof(D) == 0, "feature matching taps the layers of a Sequential: give the discriminator one");
  };

  template <class G, template <class> class Role, class... Layers>
  class Work<G, Role<Sequential<Layers...>>> {
    using D = Role<Sequential<Layers...>>;
    using T = typename D::Scalar;
    using Device = typename D::Device;
    using Images = Tensor<T, Device>;
    static constexpr std::size_t layers = sizeof...(Layers);

   public:
    static constexpr bool carries_nothing = true, runs_ahead = true;

    Work(const FeatureMatching& method, const G&, const D&) : weight_(method.weight_) {
      for (const index_t layer : method.layers_) {
        if (layer < 0 || layer >= static_cast<index_t>(layers))
          throw ShapeError("FeatureMatching", concat({"layers from 0 to ", layers - 1}), concat({layer}), "name layers of the discriminator");
        taps_[static_cast<std::size_t>(layer)] = true;
      }
      if (method.layers_.empty()) std::fill(taps_.begin(), taps_.end() - 1, true);
      while (end_ > 0 && !taps_[end_ - 1]) --end_;
    }

    double match(const Update<Device>& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes) {
      if (weight_ == 0 || end_ == 0) return 0;
      Context<Device>& context = update.context;
      const Pass<Device> pass{.context = context, .mode = Mode::train, .random = update.random, .labels = update.labels};
      forward(pass, d, real);
      for_each([&]<std::size_t i>() {
        if (taps_[i]) sum_features(context, means_[i], i);
      });
      forward(pass, d, fakes);
      WeightedSums<Device> value(context, static_cast<index_t>(end_));
      for_each([&]<std::size_t i>() {
        if (!taps_[i]) return;
        sum_features(context, sums_, i);
        const auto of_real = static_cast<T>(1 / static_cast<double>(real.shape()[0])), of_fakes = static_cast<T>(1 / static_cast<double>(fakes.shape()[0]));
        pointwise(context, sums_.count(), WeightedDifference<T>{of_fakes, of_real, sums_.data(), means_[i].data(), means_[i].data()});
        value.add(weight_, means_[i].count(), Square<T>{means_[i].data()});
      });
      backward(pass, d, fakes, d_fakes);
      return value.total();
    }

   private:
    /// f.operator()<i>() for the layers up to the last tap.
    template <class Function>
    void for_each(const Function& f) {
      [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        ((Is < end_ ? static_cast<void>(f.template operator()<Is>()) : static_cast<void>(0)), ...);
      }(std::make_index_sequence<layers>{});
    }
    template <class Function>
    void for_each_reversed(const Function& f) {
      for_each_reversed_of(f, std::make_index_sequence<layers>{});
    }
    template <class Function, std::size_t... Is>
    void for_each_reversed_of(const Function& f, std::index_sequence<Is...>) {
      ((layers - 1 - Is < end_ ? static_cast<void>(f.template operator()<layers - 1 - Is>()) : static_cast<void>(0)), ...);
    }

    void forward(const Pass<Device>& pass, const D& d, const Images& x) {
      for_each([&]<std::size_t i>() {
        d.body().template layer<i>().forward(pass.child(static_cast<index_t>(i)), input<i>(x), features_[i], &std::get<i>(saved_));
      });
    }

    /// From the last tap to the images, whose cotangent is added to.
    void backward(const Pass<Device>& pass, const D& d, const Images& x, Images& d_fakes) {
      for_each_reversed([&]<std::size_t i>() {
        Images &own = cotangents_[i % 2], &next = cotangents_[(i + 1) % 2];
        if (i + 1 == end_) {
          own.resize(features_[i].shape());
          pointwise(pass.context, own.count(), Fill<T>{own.data(), T{0}});
        }
        const index_t samples = features_[i].shape()[0];
        if (taps_[i])
          pointwise_in_rows(pass.context, samples, means_[i].count(),
                            AddToEverySample<T>{static_cast<T>(2 * weight_ / static_cast<double>(samples)), means_[i].data(), own.data()});
        d.body().template layer<i>().backward(pass.child(static_cast<index_t>(i)), input<i>(x), features_[i], std::get<i>(saved_), own, &next, nullptr);
      });
      pointwise(pass.context, d_fakes.count(), Accumulate<T>{cotangents_[1].data(), d_fakes.data()});
    }

    template <std::size_t i>
    const Images& input(const Images& x) const {
      if constexpr (i == 0)
        return x;
      else
        return features_[i - 1];
    }

    void sum_features(Context<Device>& context, Images& sums, std::size_t i) const {
      const Images& features = features_[i];
      sums.resize(Shape{features.shape().count_per_sample()});
      sum_columns(context, features.shape()[0], sums.count(), ColumnValue<T>{features.data()}, sums.data());
    }

    double weight_;
    std::array<bool, layers> taps_{};
    std::size_t end_ = layers;  // past the last tap
    std::tuple<typename Layers::Saved...> saved_;
    std::array<Images, layers> features_, means_;  // means_: of real samples, then the fakes' less those
    std::array<Images, 2> cotangents_;
    Images sums_;
  };

 private:
  double weight_;
  std::vector<index_t> layers_;
};

}  // namespace nash
