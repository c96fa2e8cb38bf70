// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/input_gradient.hpp"

namespace nash {

/// p = ½‖g‖²
struct HalfSquare {
  NASH_HOST_DEVICE LossValue operator()(double square) const { return {0.5 * square, 1}; }
};

/// The zero-centred gradient penalty (γ/2)·mean ‖∇D(x)‖² on one side's samples; see R1 and R2.
template <ImageSource source>
class ZeroCentredPenalty {
 public:
  static constexpr const char* name = source == ImageSource::real ? "R1" : "R2";

  /// `every` = k is the lazy form: in every k-th of D's updates, with k times the weight. Karras et al. 2020, section 3.1 and
  /// appendix B.
  explicit ZeroCentredPenalty(double gamma = 10, index_t every = 1) : gamma_(gamma), every_(every) {
    require_method_option(0, gamma, name, "a gamma");
    require_at_least(1, every, name, "an interval");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool runs_ahead = true;

    Work(const ZeroCentredPenalty& method, const G&, const D& discriminator) : gamma_(method.gamma_), every_(method.every_) {
      require_separate_samples(discriminator, name);
    }

    double penalise(const Update<Device>& update, const D& discriminator, const Tensor<T, Device>& real, const Tensor<T, Device>& fakes,
                    Gradients<T, Device>& gradients) {
      if (gamma_ == 0 || ++updates_ % every_ != 0) return 0;
      const Tensor<T, Device>& x = source == ImageSource::real ? real : fakes;
      const double weight = gamma_ * static_cast<double>(every_);
      return gradient_.penalise(update, discriminator, x, weight / static_cast<double>(x.shape()[0]), HalfSquare{}, gradients);
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("updates", self.updates_);
    }

   private:
    double gamma_;
    index_t every_, updates_ = 0;
    InputGradient<D> gradient_;
  };

 private:
  double gamma_;
  index_t every_;
};

/// (γ/2)·mean ‖∇D(x)‖² on real samples. Mescheder, Geiger and Nowozin 2018, equation 9.
using R1 = ZeroCentredPenalty<ImageSource::real>;
/// (γ/2)·mean ‖∇D(G(z))‖² on generated samples. Mescheder, Geiger and Nowozin 2018, equation 10.
using R2 = ZeroCentredPenalty<ImageSource::generated>;

}  // namespace nash
