// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/device_scalar.hpp"
#include "nash/method/gradient_penalty.hpp"

namespace nash {

/// scale := c·σ, the deviation of `count` values of which are given Σ x and Σ x²
struct ScaleOfPerturbation {
  double c, count;
  const double* sums;
  double* scale;
  NASH_HOST_DEVICE void operator()(index_t) const {
    const double mean = sums[0] / count, variance = sums[1] / count - mean * mean;
    *scale = c * std::sqrt(variance < 0 ? 0.0 : variance);
  }
};

/// out := x + scale·α·u, with one α ~ U(0, 1) for each sample and one u ~ U(0, 1) for each value
template <class T, class Device>
struct PerturbSamples {
  RandomStream of_samples, of_values;
  index_t size;
  DeviceScalar<double, Device> scale;
  const T* x;
  T* out;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    out[i] = static_cast<T>(static_cast<double>(x[i]) + scale() * of_samples.uniform(i / size) * of_values.uniform(i));
  }
};

/// DRAGAN: λ·mean (‖∇D(x̂)‖ − 1)² around the real samples, x̂ = x + α·c·σ·u, where σ is the deviation of all values of the batch.
/// Kodali, Abernethy, Hays and Kira 2017, section 2.3, with the perturbation of the authors' code: α ~ U(0, 1) for each sample,
/// u ~ U(0, 1) for each value, c = ½.
class Dragan {
 public:
  static constexpr const char* name = "Dragan";

  explicit Dragan(double weight = 10, double perturbation = 0.5) : weight_(weight), perturbation_(perturbation) {
    require_method_option(0, weight, "Dragan", "a weight");
    require_method_option(0, perturbation, "Dragan", "a perturbation");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool carries_nothing = true;
    static constexpr bool runs_ahead = true;

    Work(const Dragan& method, const G&, const D& discriminator) : weight_(method.weight_), perturbation_(method.perturbation_) {
      require_separate_samples(discriminator, "Dragan");
    }

    double penalise(const Update<Device>& update, const D& discriminator, const Tensor<T, Device>& real, const Tensor<T, Device>&,
                    Gradients<T, Device>& gradients) {
      if (weight_ == 0) return 0;
      const auto sums = update.context.template scratch<double>(3);
      double* const scale = sums.data() + 2;
      sum_into(update.context, real.count(), Value<T>{real.data()}, sums.data());
      sum_into(update.context, real.count(), Square<T>{real.data()}, sums.data() + 1);
      pointwise(update.context, 1, ScaleOfPerturbation{perturbation_, static_cast<double>(real.count()), sums.data(), scale});
      perturbed_.resize(real.shape());
      pointwise(update.context, real.count(),
                PerturbSamples<T, Device>{update.random.child(1), update.random.child(2), real.shape().count_per_sample(),
                                          DeviceScalar<double, Device>(scale), real.data(), perturbed_.data()});
      return gradient_.penalise(update, discriminator, perturbed_, weight_ / static_cast<double>(real.shape()[0]), NormTarget{1, false},
                                gradients);
    }

   private:
    double weight_, perturbation_;
    InputGradient<D> gradient_;
    Tensor<T, Device> perturbed_;
  };

 private:
  double weight_, perturbation_;
};

}  // namespace nash
