// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/input_gradient.hpp"

namespace nash {

/// p = (‖g‖ − target)² with ‖g‖ = √(‖g‖² + 10⁻¹²), whose derivative is finite at 0; one-sided: 0 below the target.
struct NormTarget {
  double target;
  bool one_sided;
  NASH_HOST_DEVICE LossValue operator()(double square) const {
    const double norm = std::sqrt(square + 1e-12), distance = norm - target;
    if (one_sided && distance < 0) return {0, 0};
    return {distance * distance, 2 * distance / norm};
  }
};

/// out := ε·a + (1 − ε)·b, with one ε for each sample
template <class T>
struct MixSamples {
  const T* epsilons;
  index_t size;
  const T* a;
  const T* b;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const T epsilon = epsilons[i / size];
    out[i] = epsilon * a[i] + (T{1} - epsilon) * b[i];
  }
};

struct GradientPenaltyOptions {
  double target = 1;
  bool one_sided = false;  ///< penalise only norms above the target: WGAN-LP, Petzka, Fischer and Lukovnikov 2018, equation 8
};

/// The gradient penalty of WGAN-GP: λ·mean (‖∇D(x̂)‖ − 1)² at x̂ = ε·x + (1 − ε)·G(z), between each real sample and a generated one,
/// with an ε ~ U(0, 1) and a norm for each. Gulrajani et al. 2017, equation 3 and algorithm 1.
///
/// The critic sees each sample by itself and is twice differentiable, else it is refused. With λ = 0 nothing runs.
class GradientPenalty {
 public:
  static constexpr const char* name = "GradientPenalty";

  explicit GradientPenalty(double weight = 10, const GradientPenaltyOptions& options = {}) : weight_(weight), options_(options) {
    require_method_option(0, weight, "GradientPenalty", "a weight");
    require_method_option(0, options.target, "GradientPenalty", "a target of the norm");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool carries_nothing = true;
    static constexpr bool runs_ahead = true;

    Work(const GradientPenalty& method, const G&, const D& discriminator) : weight_(method.weight_), options_(method.options_) {
      require_separate_samples(discriminator, "GradientPenalty");
    }

    double penalise(const Update<Device>& update, const D& discriminator, const Tensor<T, Device>& real, const Tensor<T, Device>& fakes,
                    Gradients<T, Device>& gradients) {
      if (weight_ == 0) return 0;
      mixed_.resize(real.shape());
      const auto epsilons = update.context.template scratch<T>(real.shape()[0]);
      fill_uniform(update.context, update.random.child(1), 0, 1, real.shape()[0], epsilons.data());
      pointwise(update.context, real.count(), MixSamples<T>{epsilons.data(), real.shape().count_per_sample(), real.data(), fakes.data(), mixed_.data()});
      return gradient_.penalise(update, discriminator, mixed_, weight_ / static_cast<double>(real.shape()[0]),
                                NormTarget{options_.target, options_.one_sided}, gradients);
    }

   private:
    double weight_;
    GradientPenaltyOptions options_;
    InputGradient<D> gradient_;
    Tensor<T, Device> mixed_;
  };

 private:
  double weight_;
  GradientPenaltyOptions options_;
};

}  // namespace nash
