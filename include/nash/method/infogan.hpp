// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/weighted_sums.hpp"
#include "nash/method/auxiliary_classifier.hpp"
#include "nash/model/latent.hpp"

namespace nash {

/// Σ ½·(c − m)² over `values` columns of each row, of codes c and outputs m
template <class T>
struct GaussianCodeSum {
  const T* codes;
  const T* outputs;
  index_t code_columns, first_code, output_columns, first_output, values;
  NASH_HOST_DEVICE double distance(index_t i) const {
    const index_t n = i / values, k = i % values;
    return static_cast<double>(outputs[n * output_columns + first_output + k]) - static_cast<double>(codes[n * code_columns + first_code + k]);
  }
  NASH_HOST_DEVICE double operator()(index_t i) const { return 0.5 * distance(i) * distance(i); }
};

/// d += factor·(m − c)
template <class T>
struct GaussianCodeGradient {
  GaussianCodeSum<T> of;
  double factor;
  T* d;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    d[i / of.values * of.output_columns + of.first_output + i % of.values] += static_cast<T>(factor * of.distance(i));
  }
};

struct InfoganOptions {
  double continuous_weight = 0.1;  ///< λ of the continuous codes, whose terms are of another size
};

/// InfoGAN: the discriminator's last outputs are to tell the codes that are in the latents, so that the generator has to show them. Both
/// players minimise, on fakes, −λ times a lower bound of the codes' mutual information with the image (but for a constant),
///
///     λ·mean Σ −log Q(category | G(z)) + λ_c·mean Σ ½·(code − m(G(z)))²
///
/// Q being a softmax over each category's outputs and a normal distribution of variance 1 around m. Chen et al. 2016, equations 5 and 6.
///
///     Generator{Latent::normal(62).with_category(10).with_continuous(2), …}     outputs of D: 1 + 10 + 2
///
/// λ = λ_c = 0 changes no bit.
class Infogan {
 public:
  static constexpr const char* name = "Infogan";

  explicit Infogan(double weight = 1, const InfoganOptions& options = {}) : weight_(weight), options_(options) {
    require_method_option(0, weight, "Infogan", "a weight");
    require_method_option(0, options.continuous_weight, "Infogan", "a weight of continuous codes");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool runs_ahead = true;

    Work(const Infogan& method, const G& generator, const D& discriminator)
        : weight_(method.weight_), continuous_weight_(method.options_.continuous_weight), latent_(generator.latent()) {
      const index_t codes = latent_.size() - latent_.first_code();
      if (!latent_.has_codes())
        throw ShapeError("Infogan", "a latent with codes", "one without",
                         "build the generator with Latent::normal(62).with_category(10).with_continuous(2), or the like");
      first_output_ = 1 + require_heads(codes, generator, discriminator, "Infogan", "the codes") - codes;
    }

    double recover(const Update<Device>& update, const Tensor<T, Device>& latents, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) const {
      Context<Device>& context = update.context;
      const index_t samples = logits.shape()[0];
      index_t code = latent_.first_code(), output = first_output_;
      WeightedSums<Device> value(context, static_cast<index_t>(latent_.categories().size()) + 1);
      for (const index_t values : latent_.categories()) {
        const double factor = weight_ / static_cast<double>(samples);
        if (weight_ != 0)
          value.add(factor, samples, add_cross_entropy_gradient(context, factor, CategoryOfRow<T>{latents.data(), latent_.size(), code, values}, output,
                                                                values, logits, d_logits));
        code += values, output += values;
      }
      if (continuous_weight_ == 0 || latent_.continuous() == 0) return value.total();
      const index_t count = samples * latent_.continuous();
      const double factor = continuous_weight_ / static_cast<double>(samples);
      const GaussianCodeSum<T> of{latents.data(), logits.data(), latent_.size(), code, logits.shape().channels(), output, latent_.continuous()};
      pointwise(context, count, GaussianCodeGradient<T>{of, factor, d_logits.data()});
      value.add(factor, count, of);
      return value.total();
    }

   private:
    double weight_, continuous_weight_;
    Latent latent_;
    index_t first_output_;
  };

 private:
  double weight_;
  InfoganOptions options_;
};

}  // namespace nash
