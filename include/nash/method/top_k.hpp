// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method.hpp"

namespace nash {

/// weight *= rows/k for the k rows with the largest logits, of equal ones the first; 0 for the others
template <class T>
struct KeepTop {
  const T* logits;
  index_t rows, columns, k;
  T* weights;
  NASH_HOST_DEVICE void operator()(index_t row) const {
    const T own = logits[row * columns];
    index_t before = 0;
    for (index_t other = 0; other < rows; ++other) {
      const T l = logits[other * columns];
      before += l > own || (l == own && other < row);
    }
    weights[row] *= before < k ? static_cast<T>(rows) / static_cast<T>(k) : T{0};
  }
};

struct TopKOptions {
  double least = 0.5;    ///< ν: k falls to ν·B and no lower
  double decay = 0.99;   ///< γ: what k is multiplied with
  index_t every = 1000;  ///< steps between two of these; the paper's is an epoch
};

/// Trains the generator on the k fakes of each batch that the discriminator takes for the most real, and not on the others: the
/// mean of its loss over those. k begins at the batch's size B and falls to ν·B. Sinha et al. 2020, algorithm 1.
class TopK {
 public:
  static constexpr const char* name = "TopK";
  static constexpr bool runs_ahead = true;

  explicit TopK(const TopKOptions& options = {}) : options_(options) {
    if (!(options.least > 0 && options.least <= 1)) throw ShapeError("TopK", "a least share above 0 and up to 1", concat({options.least}), "use 0.5");
    if (!(options.decay > 0 && options.decay <= 1)) throw ShapeError("TopK", "a decay above 0 and up to 1", concat({options.decay}), "use 0.99");
    require_at_least(1, options.every, "TopK", "an interval");
  }

  /// k at a step (from 1) for a batch.
  index_t kept(index_t step, index_t batch) const {
    const double decayed = std::pow(options_.decay, static_cast<double>((step - 1) / options_.every));
    return std::max<index_t>(1, std::llround(std::max(options_.least, decayed) * static_cast<double>(batch)));
  }

  template <class T, class Device>
  void weigh_fakes(const Update<Device>& update, const Tensor<T, Device>& logits, Tensor<T, Device>& weights) const {
    const index_t rows = logits.shape()[0];
    pointwise(update.context, rows, KeepTop<T>{logits.data(), rows, logits.shape().channels(), kept(update.step, rows), weights.data()});
  }

 private:
  TopKOptions options_;
};

}  // namespace nash
