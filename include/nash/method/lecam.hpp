// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method.hpp"

namespace nash {

/// d_logits += factor·sign·max(0, sign·(l − anchor)) in column 0
template <class T>
struct LeCamGradient {
  const T* logits;
  index_t columns;
  double anchor, sign, factor;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t row) const { d_logits[row * columns] += static_cast<T>(factor * sign * beyond(row)); }
  NASH_HOST_DEVICE double beyond(index_t row) const {
    const double distance = sign * (static_cast<double>(logits[row * columns]) - anchor);
    return distance > 0 ? distance : 0;
  }
};

/// Σ max(0, sign·(l − anchor))²
template <class T>
struct LeCamSum {
  LeCamGradient<T> of;
  NASH_HOST_DEVICE double operator()(index_t row) const { return of.beyond(row) * of.beyond(row); }
};

/// Σ of column 0
template <class T>
struct FirstColumnSum {
  const T* x;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return static_cast<double>(x[row * columns]); }
};

struct LeCamOptions {
  double decay = 0.99;  ///< of the moving averages
  index_t begin = 1000;  ///< the first step with the term; the averages move from the first one on
};

/// LeCam regularisation, for small data: keeps D's logits of one side from going far beyond their average on the other,
///
///     λ·( mean max(0, D(x) − α_fake)² + mean max(0, α_real − D(G(z)))² )
///
/// with moving averages α of the logits. Tseng et al. 2021, equations 5 and 6, with the authors' one-sided squares.
class LeCam {
 public:
  static constexpr const char* name = "LeCam";

  explicit LeCam(double weight = 0.3, const LeCamOptions& options = {}) : weight_(weight), options_(options) {
    require_method_option(0, weight, "LeCam", "a weight");
    if (!(options.decay >= 0 && options.decay < 1)) throw ShapeError("LeCam", "a decay from 0 to below 1", concat({options.decay}), "use 0.99");
  }

  template <class T, class Device>
  double add_to_loss(const Update<Device>& update, LossTerm term, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
    if (term == LossTerm::generator) return 0;
    const index_t rows = logits.shape()[0], columns = logits.shape().channels();
    const double inverse_rows = 1 / static_cast<double>(rows);
    const bool real = term == LossTerm::real;
    Average& own = real ? real_ : fake_;
    const Average& other = real ? fake_ : real_;
    own.move(inverse_rows * sum(update.context, rows, FirstColumnSum<T>{logits.data(), columns}), options_.decay);
    if (update.step < options_.begin || weight_ == 0 || other.updates == 0) return 0;
    const LeCamGradient<T> gradient{logits.data(), columns, other.value, real ? 1.0 : -1.0, 2 * weight_ * inverse_rows, d_logits.data()};
    pointwise(update.context, rows, gradient);
    return weight_ * inverse_rows * sum(update.context, rows, LeCamSum<T>{gradient});
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("real.average", self.real_.value);
    visit("real.updates", self.real_.updates);
    visit("fake.average", self.fake_.value);
    visit("fake.updates", self.fake_.updates);
  }

 private:
  struct Average {
    double value = 0;
    index_t updates = 0;
    void move(double to, double decay) { value = updates++ == 0 ? to : decay * value + (1 - decay) * to; }
  };

  double weight_;
  LeCamOptions options_;
  Average real_, fake_;
};

}  // namespace nash
