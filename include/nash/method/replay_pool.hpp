// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method.hpp"

namespace nash {

/// pool[slot] := image n for every slot of every stripe; samples·stripe slots
template <class T>
struct FillPool {
  const T* images;
  index_t size, stripe;
  T* pool;
  NASH_HOST_DEVICE void operator()(index_t i) const { pool[i] = images[i / (size * stripe) * size + i % size]; }
};

/// Exchanges image n with one of the pool in its stripe, with probability ½.
template <class T>
struct SwapWithPool {
  RandomStream random;
  index_t size, stripe;
  T* images;
  T* pool;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t n = i / size;
    if (random.uniform(2 * n) < 0.5) return;
    const index_t slot = n * stripe + static_cast<index_t>(random.uniform(2 * n + 1) * static_cast<double>(stripe));
    T& past = pool[slot * size + i % size];
    const T now = images[i];
    images[i] = past;
    past = now;
  }
};

/// Shows the discriminator past fakes too, so that the generator cannot win by going in circles: half of the fakes, drawn anew in
/// each of D's updates, are exchanged with ones of a pool. Shrivastava et al. 2017, section 2.3.
///
/// Fake n of a batch meets its own stripe of capacity/batch places, so that no two are exchanged with one; the pool begins with
/// copies of the first batch. The generator's own phase sees its fakes alone. A batch larger than the pool throws ShapeError.
class ReplayPool {
 public:
  static constexpr const char* name = "ReplayPool";

  explicit ReplayPool(index_t capacity = 512) : capacity_(capacity) { require_at_least(1, capacity, "ReplayPool", "a capacity"); }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool exchanges_fakes = true;

    Work(const ReplayPool& method, const G& generator, const D&)
        : capacity_(method.capacity_), pool_(Tensor<T, Device>::zeros(generator.sample_shape(1).with_samples(method.capacity_))) {}

    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      if (source == ImageSource::real || update.player == Player::generator) return;
      const index_t samples = images.shape()[0], size = images.shape().count_per_sample(), stripe = capacity_ / samples;
      if (stripe < 1)
        throw ShapeError("ReplayPool", concat({"batches of at most its ", capacity_, " fakes"}), concat({samples}), "give it a larger capacity");
      if (filled_ < samples * stripe) {
        pointwise(update.context, samples * stripe * size, FillPool<T>{images.data(), size, stripe, pool_.data()});
        filled_ = samples * stripe;
      } else {
        pointwise(update.context, images.count(), SwapWithPool<T>{update.random, size, stripe, images.data(), pool_.data()});
      }
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("pool", self.pool_);
      visit("filled", self.filled_);
    }

   private:
    index_t capacity_;
    Tensor<T, Device> pool_;
    index_t filled_ = 0;
  };

 private:
  index_t capacity_;
};

}  // namespace nash
