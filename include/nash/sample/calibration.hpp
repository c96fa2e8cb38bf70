// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <span>

#include "nash/loss/loss.hpp"

namespace nash {

/// What makes a discriminator's logits those of probabilities that hold: slope·logit + offset, the logarithm of the density of real
/// samples over that of generated ones.
struct LogitCalibration {
  double slope = 1, offset = 0;

  double operator()(double logit) const { return slope * logit + offset; }

  /// Fits both by logistic regression on the logits of real and generated samples that the discriminator was not trained on, each
  /// side as a half, with the softened labels that keep it finite where the sides do not overlap. Platt 1999; for samplers,
  /// Turner et al. 2019.
  ///
  /// Throws NumericError for logits that are not finite, ShapeError where a side has none.
  NASH_COLD static LogitCalibration fit(std::span<const double> real, std::span<const double> generated) {
    if (real.empty() || generated.empty())
      throw ShapeError("LogitCalibration", "logits of real and of generated samples", concat({real.size(), " and ", generated.size()}), "give both");
    // Newton's method on standardised logits u = (logit − mean)/deviation, where it needs no guess and no scale.
    const double n = static_cast<double>(real.size() + generated.size());
    double mean = 0, square = 0;
    for (const auto side : {real, generated})
      for (const double l : side) mean += l / n;
    for (const auto side : {real, generated})
      for (const double l : side) square += (l - mean) * (l - mean) / n;
    if (!std::isfinite(square))
      throw NumericError("LogitCalibration", "finite logits", "one that is not, or larger than squares can be", "find where the discriminator makes it");
    const double deviation = square > 0 ? std::sqrt(square) : 1;

    const auto terms = [&](double a, double b) {
      Terms sum;
      sum.add(real, mean, deviation, a, b, (static_cast<double>(real.size()) + 1) / (static_cast<double>(real.size()) + 2));
      sum.add(generated, mean, deviation, a, b, 1 / (static_cast<double>(generated.size()) + 2));
      return sum;
    };
    double a = 0, b = 0;
    Terms at = terms(a, b);
    for (int step = 0; step < 100; ++step) {
      const double ridge = 1e-12, h11 = at.aa + ridge, h22 = at.bb + ridge, determinant = h11 * h22 - at.ab * at.ab;
      const double da = (h22 * at.a - at.ab * at.b) / determinant, db = (h11 * at.b - at.ab * at.a) / determinant;
      double size = 1;
      Terms next = terms(a - da, b - db);
      while (next.loss > at.loss && size > 1e-9) size /= 2, next = terms(a - size * da, b - size * db);
      if (next.loss > at.loss) break;  // no better to rounding
      a -= size * da, b -= size * db, at = next;
      if (std::abs(size * da) + std::abs(size * db) < 1e-12 * (1 + std::abs(a) + std::abs(b))) break;
    }
    return {a / deviation, b - a * mean / deviation};
  }

 private:
  /// The loss ½·mean softplus(f) − t·f of both sides, f = α·u + β with targets t, and its derivatives by α and β.
  struct Terms {
    double loss = 0, a = 0, b = 0, aa = 0, ab = 0, bb = 0;

    void add(std::span<const double> logits, double mean, double deviation, double alpha, double beta, double target) {
      const double weight = 0.5 / static_cast<double>(logits.size());
      for (const double l : logits) {
        const double u = (l - mean) / deviation, f = alpha * u + beta, p = logistic(f), d = weight * (p - target), w = weight * p * (1 - p);
        loss += weight * (softplus(f) - target * f);
        a += d * u, b += d, aa += w * u * u, ab += w * u, bb += w;
      }
    }
  };
};

}  // namespace nash
