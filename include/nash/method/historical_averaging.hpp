// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "nash/optim/ema.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// gradient += factor·(θ − mean)
template <class T>
struct PullToMean {
  const T* theta;
  const T* mean;
  T factor;
  T* gradient;
  NASH_HOST_DEVICE void operator()(index_t i) const { gradient[i] += factor * (theta[i] - mean[i]); }
};

/// Σ (θ − mean)²
template <class T>
struct SquaredDistance {
  const T* theta;
  const T* mean;
  NASH_HOST_DEVICE double operator()(index_t i) const {
    const double distance = static_cast<double>(theta[i]) - static_cast<double>(mean[i]);
    return distance * distance;
  }
};

/// Holds both players near their past: λ·‖θ − mean of θ over all updates so far‖², the mean being a constant for the gradient.
/// Salimans et al. 2016, section 3.3.
class HistoricalAveraging {
 public:
  static constexpr const char* name = "HistoricalAveraging";

  explicit HistoricalAveraging(double weight = 1) : weight_(weight) { require_method_option(0, weight, "HistoricalAveraging", "a weight"); }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool runs_ahead = true;

    Work(const HistoricalAveraging& method, const G& generator, const D& discriminator)
        : weight_(method.weight_), means_{generator.parameters(), discriminator.parameters()} {}

    template <class Network>
    double add_parameter_term(const Update<Device>& update, const Network& network, Tensor<T, Device>& gradients) {
      const std::size_t player = update.player == Player::generator ? 0 : 1;
      if (weight_ == 0 || updates_[player] == 0) return 0;
      const Tensor<T, Device>&theta = network.parameters(), &mean = means_[player];
      pointwise(update.context, theta.count(), PullToMean<T>{theta.data(), mean.data(), static_cast<T>(2 * weight_), gradients.data()});
      return weight_ * sum(update.context, theta.count(), SquaredDistance<T>{theta.data(), mean.data()});
    }

    template <class Network>
    void after_update(const Update<Device>& update, Network& network) {
      const std::size_t player = update.player == Player::generator ? 0 : 1;
      const T rate = T{1} / static_cast<T>(++updates_[player]);
      pointwise(update.context, network.parameters().count(), MoveAverage<T>{network.parameters().data(), rate, means_[player].data()});
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("generator.mean", self.means_[0]);
      visit("generator.updates", self.updates_[0]);
      visit("discriminator.mean", self.means_[1]);
      visit("discriminator.updates", self.updates_[1]);
    }

   private:
    double weight_;
    std::array<Tensor<T, Device>, 2> means_;
    std::array<index_t, 2> updates_{};
  };

 private:
  double weight_;
};

}  // namespace nash
