// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/row_sums.hpp"
#include "nash/model/latent_gradient.hpp"
#include "nash/nn/separate_samples.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// Steps of latents along their gradients g, by the squared lengths of its rows of `size` values:
///
///     Δz = α·g, or the natural gradient's α·g / (β + ‖g‖²)
template <class T>
struct LatentSteps {
  double rate, damping;  // α and β; a damping of 0: the plain gradient
  double share;          // of the rows that take a step
  RandomStream random;   // says which
  index_t size;
  const T* g;
  const double* squares;

  NASH_HOST_DEVICE bool moves(index_t row) const { return share >= 1 || random.uniform(row) < share; }
  NASH_HOST_DEVICE double scale(index_t row) const { return !moves(row) ? 0 : damping == 0 ? rate : rate / (damping + squares[row]); }
  NASH_HOST_DEVICE double step(index_t i) const { return scale(i / size) * static_cast<double>(g[i]); }
};

/// z := max(−bound, min(z₀ + Δz, bound))
template <class T>
struct MoveLatents {
  LatentSteps<T> of;
  double bound;
  const T* from;
  T* z;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const double moved = static_cast<double>(from[i]) + of.step(i);
    z[i] = static_cast<T>(moved > bound ? bound : moved < -bound ? -bound : moved);  // a NaN stays one
  }
};

/// The cotangent of Δz: c = dz where nothing was clipped, and that of w·mean ‖Δz‖²
template <class T>
struct StepCotangent {
  MoveLatents<T> of;
  double factor;  // 2·w/N
  const T* dz;
  NASH_HOST_DEVICE double operator()(index_t i) const {
    const double step = of.of.step(i), moved = static_cast<double>(of.from[i]) + step;
    return (moved > of.bound || moved < -of.bound ? 0.0 : static_cast<double>(dz[i])) + factor * step;
  }
};

/// Σ g·c
template <class T>
struct StepInner {
  StepCotangent<T> c;
  NASH_HOST_DEVICE double operator()(index_t i) const { return static_cast<double>(c.of.of.g[i]) * c(i); }
};

/// Σ Δz²
template <class T>
struct SquaredStep {
  LatentSteps<T> of;
  NASH_HOST_DEVICE double operator()(index_t i) const { return of.step(i) * of.step(i); }
};

/// v := (∂Δz/∂g)ᵀ·c = α·c, or α·( c/(β + ‖g‖²) − 2·g·⟨g, c⟩/(β + ‖g‖²)² )
template <class T>
struct StepBackward {
  StepCotangent<T> c;
  const double* inner;
  T* v;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const LatentSteps<T>& of = c.of.of;
    const index_t row = i / of.size;
    const double scale = of.scale(row), own = scale * c(i);
    v[i] = static_cast<T>(of.damping == 0 ? own : own - 2 * of.step(i) * inner[row] * scale / of.rate);
  }
};

struct LoganOptions {
  bool natural = true;        ///< the natural gradient's step, by the empirical Fisher matrix g·gᵀ + β·1; else the plain gradient's
  double damping = 0.1;       ///< β, of the natural gradient
  double regularisation = 0;  ///< w of w·mean ‖Δz‖², which is added to either player's loss
  double share = 1;           ///< of samples whose latents move, drawn in each update: below 1 G also learns from latents as they are sampled
};

/// LOGAN, latent optimisation: before each update latents take a step to where the discriminator takes what becomes of them for real,
///
///     z′ = z + Δz,   Δz = α·g, or α·g / (β + ‖g‖²),   g = ∇_z D(G(z)),
///
/// and both losses are those of G(z′). Their gradients go through Δz too, whose dependence on both networks is of second order: it is
/// what stabilises the game. Wu et al. 2019, algorithm 1 and section 3; g is of the adversarial logit. A share of the samples may stay
/// where it is: Δz = 0 there.
///
/// Bounded latents, which the paper's are, are clipped to their bound; codes, which moving would change, are refused. Both networks are
/// twice differentiable, BatchNorm included, else they are refused. An update costs about three times a plain one. With α = 0 or a share of 0 nothing runs.
class Logan {
 public:
  static constexpr const char* name = "Logan";

  explicit Logan(double rate = 0.9, const LoganOptions& options = {}) : rate_(rate), options_(options) {
    require_method_option(0, rate, "Logan", "a rate");
    require_method_option(0, options.regularisation, "Logan", "a regularisation");
    if (!(options.share >= 0 && options.share <= 1)) throw ShapeError("Logan", "a share from 0 to 1", concat({options.share}), "use 1");
    if (!(options.damping > 0 && std::isfinite(options.damping))) throw ShapeError("Logan", "a damping above 0", concat({options.damping}), "use 0.1");
  }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;
    using Values = Tensor<T, Device>;

   public:
    static constexpr bool carries_nothing = true, runs_ahead = true;

    Work(const Logan& method, const G& generator, const D& discriminator) : rate_(method.rate_), options_(method.options_) {
      const Latent& latent = generator.latent();
      using enum Latent::Distribution;
      if (latent.distribution() == uniform || latent.distribution() == truncated_normal) bound_ = latent.bound();
      if (latent.has_codes()) throw ShapeError("Logan", "latents without codes", "codes behind them", "leave the codes or the method out");
      require_second_derivatives("Logan", "networks", "the method", generator.body(), discriminator.body());
    }

    void change_latents(const Update<Device>& update, const G& generator, const D& discriminator, Values& z) {
      if (rate_ == 0 || options_.share == 0) return;
      before_.resize(z.shape());
      pointwise(update.context, z.count(), Copy<T>{z.data(), before_.data()});
      const Values& g = gradient_.of(pass(update), generator, discriminator, before_);
      squares_.resize(Shape{z.shape()[0]});
      sum_rows(update.context, z.shape()[0], z.shape()[1], Square<T>{g.data()}, squares_.data());
      pointwise(update.context, z.count(), MoveLatents<T>{steps(update), bound_, before_.data(), z.data()});
    }

    double change_latents_backward(const Update<Device>& update, const G& generator, const D& discriminator, const Values& dz,
                                   Gradients<T, Device>& gradients) {
      if (rate_ == 0 || options_.share == 0) return 0;
      Context<Device>& context = update.context;
      const index_t samples = dz.shape()[0], size = dz.shape()[1];
      const double weight = options_.regularisation / static_cast<double>(samples);
      const StepCotangent<T> cotangent{{steps(update), bound_, before_.data(), nullptr}, 2 * weight, dz.data()};
      const auto inner = context.template scratch<double>(samples);
      sum_rows(context, samples, size, StepInner<T>{cotangent}, inner.data());
      v_.resize(dz.shape());
      pointwise(context, dz.count(), StepBackward<T>{cotangent, inner.data(), v_.data()});
      gradient_.add_derivative(pass(update), generator, discriminator, before_, v_, update.player == Player::generator, gradients);
      return weight == 0 ? 0 : weight * sum(context, dz.count(), SquaredStep<T>{steps(update)});
    }

   private:
    static Pass<Device> pass(const Update<Device>& update) {
      return {.context = update.context, .mode = Mode::train, .random = update.random, .second_order = true, .labels = update.labels};
    }
    LatentSteps<T> steps(const Update<Device>& update) const {
      return {rate_, options_.natural ? options_.damping : 0, options_.share, update.random.child(share_stream), before_.shape()[1],
              gradient_.values().data(), squares_.data()};
    }

    static constexpr std::uint64_t share_stream = 1'000'000;  // of the same stream layers take the children 0, 1, …

    double rate_, bound_ = std::numeric_limits<double>::infinity();
    LoganOptions options_;
    LatentGradient<G, D> gradient_;
    Values before_, v_;
    Tensor<double, Device> squares_;
  };

 private:
  double rate_;
  LoganOptions options_;
};

}  // namespace nash
