// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/device_scalar.hpp"
#include "nash/train/method.hpp"

namespace nash {

/// d_logits += factor·sign·max(0, sign·(l − anchor)) in column 0
template <class T, class Device>
struct LeCamGradient {
  const T* logits;
  index_t columns;
  DeviceScalar<double, Device> anchor;
  double sign, factor;
  T* d_logits;
  NASH_HOST_DEVICE void operator()(index_t row) const { d_logits[row * columns] += static_cast<T>(factor * sign * beyond(row)); }
  NASH_HOST_DEVICE double beyond(index_t row) const {
    const double distance = sign * (static_cast<double>(logits[row * columns]) - anchor());
    return distance > 0 ? distance : 0;
  }
};

/// Σ max(0, sign·(l − anchor))²
template <class T, class Device>
struct LeCamSum {
  LeCamGradient<T, Device> of;
  NASH_HOST_DEVICE double operator()(index_t row) const { return of.beyond(row) * of.beyond(row); }
};

/// Σ of column 0
template <class T>
struct FirstColumnSum {
  const T* x;
  index_t columns;
  NASH_HOST_DEVICE double operator()(index_t row) const { return static_cast<double>(x[row * columns]); }
};

/// next := decay·average + (1 − decay)·mean, or the mean where there is no average yet, of what is summed over the rows
struct MoveLeCamAverage {
  const double* sum;
  double inverse_rows, decay;
  bool is_first;
  const double* average;
  double* next;
  NASH_HOST_DEVICE void operator()(index_t) const {
    const double mean = inverse_rows * *sum;
    *next = is_first ? mean : decay * *average + (1 - decay) * mean;
  }
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

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool runs_ahead = true;

    Work(const LeCam& method, const G&, const D&) : weight_(method.weight_), options_(method.options_) {}

    /// The real term is of the fakes' average up to the update before, the other one of the real samples' with those of this update.
    double add_to_loss(const Update<Device>& update, LossTerm term, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
      if (term == LossTerm::generator) return 0;
      Context<Device>& context = update.context;
      const index_t rows = logits.shape()[0], columns = logits.shape().channels();
      const double inverse_rows = 1 / static_cast<double>(rows);
      const bool real = term == LossTerm::real;
      Average& own = real ? real_ : fake_;
      const auto total = context.template scratch<double>(1);
      sum_into(context, rows, FirstColumnSum<T>{logits.data(), columns}, total.data());
      pointwise(context, 1, MoveLeCamAverage{total.data(), inverse_rows, options_.decay, updates_ == 0, own.now.data(), own.next.data()});
      if (update.step < options_.begin || weight_ == 0 || (real && updates_ == 0)) return 0;
      const double* const anchor = real ? fake_.now.data() : real_.next.data();
      const LeCamGradient<T, Device> gradient{logits.data(), columns, DeviceScalar<double, Device>(anchor), real ? 1.0 : -1.0, 2 * weight_ * inverse_rows,
                                              d_logits.data()};
      pointwise(context, rows, gradient);
      return weight_ * inverse_rows * sum(context, rows, LeCamSum<T, Device>{gradient});
    }

    void after_update(const Update<Device>& update, D&) {
      for (Average* side : {&real_, &fake_}) pointwise(update.context, 1, Copy<double>{side->next.data(), side->now.data()});
      ++updates_;
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("real.average", self.real_.now);
      visit("fake.average", self.fake_.now);
      visit("updates", self.updates_);
    }

   private:
    /// One number each, in the device's memory: as it is, and as it will be if the update comes to something.
    struct Average {
      Tensor<double, Device> now = Tensor<double, Device>::zeros(Shape{1}), next = Tensor<double, Device>::zeros(Shape{1});
    };

    double weight_;
    LeCamOptions options_;
    Average real_, fake_;
    index_t updates_ = 0;
  };

 private:
  double weight_;
  LeCamOptions options_;
};

}  // namespace nash
