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

/// Which image of the pool image n is exchanged with, one of its stripe, with probability ½.
struct DrawSlot {
  RandomStream random;
  index_t size, stripe;
  /// Where value i of the images is in the pool; below 0: its image is not exchanged.
  NASH_HOST_DEVICE index_t operator()(index_t i) const {
    const index_t n = i / size;
    if (random.uniform(2 * n) < 0.5) return -1;
    return (n * stripe + static_cast<index_t>(random.uniform(2 * n + 1) * static_cast<double>(stripe))) * size + i % size;
  }
};

/// now := images, images := the pool's where they are exchanged
template <class T>
struct TakeFromPool {
  DrawSlot slot;
  const T* pool;
  T* now;
  T* images;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    now[i] = images[i];
    if (const index_t place = slot(i); place >= 0) images[i] = pool[place];
  }
};

/// The pool's := now where they are exchanged
template <class T>
struct PutIntoPool {
  DrawSlot slot;
  const T* now;
  T* pool;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    if (const index_t place = slot(i); place >= 0) pool[place] = now[i];
  }
};

/// Shows the discriminator past fakes too, so that the generator cannot win by going in circles: half of the fakes, drawn anew in
/// each of D's updates, are exchanged with ones of a pool. Shrivastava et al. 2017, section 2.3.
///
/// Fake n of a batch meets its own stripe of capacity/batch places, so that no two are exchanged with one; the pool begins with
/// copies of the first batch. An update that comes to nothing, since something was not finite, leaves the pool as it is. The generator's own
/// phase sees its fakes alone. A batch larger than the pool throws ShapeError.
class ReplayPool {
 public:
  static constexpr const char* name = "ReplayPool";

  explicit ReplayPool(index_t capacity = 512) : capacity_(capacity) { require_at_least(1, capacity, "ReplayPool", "a capacity"); }

  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    static constexpr bool exchanges_fakes = true, runs_ahead = true;

    Work(const ReplayPool& method, const G& generator, const D&)
        : capacity_(method.capacity_), pool_(Tensor<T, Device>::zeros(generator.sample_shape(1).with_samples(method.capacity_))) {}

    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      if (source == ImageSource::real || update.player == Player::generator) return;
      const index_t samples = images.shape()[0], stripe = capacity_ / samples;
      if (stripe < 1)
        throw ShapeError("ReplayPool", concat({"batches of at most its ", capacity_, " fakes"}), concat({samples}), "give it a larger capacity");
      now_.resize(images.shape());
      if (filled_ < samples * stripe)
        pointwise(update.context, images.count(), Copy<T>{images.data(), now_.data()});
      else
        pointwise(update.context, images.count(), TakeFromPool<T>{slot(update), pool_.data(), now_.data(), images.data()});
    }

    void after_update(const Update<Device>& update, D&) {
      const DrawSlot slot = this->slot(update);
      if (const index_t places = now_.shape()[0] * slot.stripe; filled_ < places) {
        pointwise(update.context, places * slot.size, FillPool<T>{now_.data(), slot.size, slot.stripe, pool_.data()});
        filled_ = places;
      } else {
        pointwise(update.context, now_.count(), PutIntoPool<T>{slot, now_.data(), pool_.data()});
      }
    }

    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("pool", self.pool_);
      visit("filled", self.filled_);
    }

   private:
    DrawSlot slot(const Update<Device>& update) const { return {update.random, now_.shape().count_per_sample(), capacity_ / now_.shape()[0]}; }

    index_t capacity_;
    Tensor<T, Device> pool_, now_;  // now_: the fakes of this update
    index_t filled_ = 0;
  };

 private:
  index_t capacity_;
};

}  // namespace nash
