// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/kernels/host.hpp"

namespace nash {

/// Where a generator's input comes from: N×size values, drawn independently.
class Latent {
 public:
  enum class Distribution { normal, uniform, truncated_normal };

  /// N(0, 1)
  static Latent normal(index_t size) { return {Distribution::normal, size, 1}; }
  /// U(−bound, bound)
  static Latent uniform(index_t size, double bound = 1) { return {Distribution::uniform, size, bound}; }
  /// N(0, 1) given that it lies in [−bound, bound]
  static Latent truncated_normal(index_t size, double bound = 2) { return {Distribution::truncated_normal, size, bound}; }

  index_t size() const { return size_; }
  Distribution distribution() const { return distribution_; }
  /// Of the uniform and the truncated normal distribution; without meaning for the normal one.
  double bound() const { return bound_; }

  /// z := `samples` latents from a random stream. Row i depends on the stream and i alone.
  template <class T, class Device>
  NASH_COLD void draw(Context<Device>& context, RandomStream random, index_t samples, Tensor<T, Device>& z) const {
    z.resize(Shape{samples, size_});
    switch (distribution_) {
      case Distribution::normal: return fill_normal(context, random, 0, 1, z.count(), z.data());
      case Distribution::uniform: return pointwise(context, z.count(), FillUniform<T>{random, -bound_, bound_, z.data()});
      case Distribution::truncated_normal:
        return pointwise(context, z.count(), FillTruncatedNormal<T>{random, 0.5 * std::erfc(bound_ / std::sqrt(2.0)), z.data()});
    }
  }

 private:
  NASH_COLD Latent(Distribution distribution, index_t size, double bound) : distribution_(distribution), size_(size),
                   bound_(bound) {
    if (size < 1) throw ShapeError("Latent", "at least 1 dimension", concat(size), "use 100");
    if (!(bound > 0 && std::isfinite(bound))) throw ShapeError("Latent", "a positive, finite bound", concat(bound), "use 1 or 2");
  }

  Distribution distribution_;
  index_t size_;
  double bound_;
};

}  // namespace nash
