// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <iterator>
#include <mutex>
#include <numeric>
#include <thread>

#include "nash/core/random.hpp"
#include "nash/data/batch.hpp"
#include "nash/data/dataset.hpp"

namespace nash {

/// What happens to the images at the end of an epoch that do not fill a batch.
enum class LastBatch {
  drop,  ///< they are left out; after shuffling, others each time
  keep,  ///< they make a smaller batch
};

/// How a Loader deals a dataset out: batches, order, range of pixels.
struct LoaderOptions {
  index_t batch_size = 64;
  std::uint64_t seed = 0;
  LastBatch last_batch = LastBatch::drop;
  bool shuffle = true;
  bool prefetch = true;     ///< a thread prepares the next batch meanwhile; the batches are the same without it
  double low = -1, high = 1;  ///< what the bytes 0 and 255 become
  index_t first_batch = 0;  ///< begins after that many batches, as a run does that is resumed
};

/// Gives a dataset's images in batches, in another order in every epoch.
///
///     Loader loader{dataset, {.batch_size = 64, .seed = 42}};
///     for (const Batch<>& batch : loader) trainer.step(batch);        // one epoch
///     const Batch<>& batch = loader.next();                           // the next one, without end
///
/// The order depends on the seed and the epoch alone. A batch stays valid until the next one is asked for, and nothing is
/// allocated once every buffer was used. A loader serves one thread.
template <class T = float, class Device = Cpu>
class Loader {
 public:
  /// Throws ShapeError for a batch size below 1, for one above the dataset's with LastBatch::drop, and for a low that is not
  /// below high.
  NASH_COLD explicit Loader(Dataset dataset, const LoaderOptions& options = {}) : dataset_(std::move(dataset)),
                            options_(options) {
    check_options();
    for (std::size_t byte = 0; byte < 256; ++byte)
      value_of_byte_[byte] = static_cast<T>(static_cast<double>(byte) / (255.0 / (options.high - options.low)) + options.low);
    order_.resize(static_cast<std::size_t>(dataset_.size()));
    taken_ = given_back_ = prepared_ = options_.first_batch;
    if (options_.prefetch) thread_ = std::thread([this] { prefetch(); });
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }

  NASH_COLD index_t batches_per_epoch() const {
    const bool has_rest = dataset_.size() % options_.batch_size != 0;
    return dataset_.size() / options_.batch_size + (has_rest && options_.last_batch == LastBatch::keep ? 1 : 0);
  }

  /// How many batches were given out, counted from the beginning of the first epoch: a first_batch to go on from here.
  index_t position() const { return taken_; }

  /// The next batch; the one before it is overwritten. Throws again what stopped the prefetching thread.
  const Batch<T, Device>& next() {
    Buffer& buffer = buffer_of(taken_);
    if (options_.prefetch) {
      std::unique_lock lock(mutex_);
      given_back_ = taken_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return prepared_ > taken_ || failure_ != nullptr; });
      if (prepared_ == taken_) std::rethrow_exception(failure_);
    } else {
      prepare(taken_, buffer);
    }
    if constexpr (!shares_host_memory<Device>) {
      buffer.batch.images.resize(buffer.shape);
      buffer.batch.images.assign_from_host(buffer.staging);
    }
    ++taken_;
    return buffer.batch;
  }

  class Iterator {
   public:
    using value_type = Batch<T, Device>;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(Loader& loader) : loader_(&loader), batch_(&loader.next()) {}
    const Batch<T, Device>& operator*() const { return *batch_; }
    const Batch<T, Device>* operator->() const { return batch_; }
    Iterator& operator++() {
      batch_ = loader_->taken_ % loader_->batches_per_epoch() == 0 ? nullptr : &loader_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return batch_ == nullptr; }

   private:
    Loader* loader_;
    const Batch<T, Device>* batch_;
  };

  /// To the end of the epoch: all of it, or what is left of one that next() or a loop that was left has begun.
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Buffer {
    Batch<T, Device> batch;
    Shape shape;  // these two only for devices that the host cannot write to
    std::vector<T> staging;
  };

  NASH_COLD void check_options() const {
    const index_t batch_size = options_.batch_size;
    if (batch_size < 1) throw ShapeError("Loader", "a batch_size of at least 1", concat({batch_size}), "64 is a usual one");
    if (options_.last_batch == LastBatch::drop && batch_size > dataset_.size())
      throw ShapeError("Loader", concat({"a batch_size of at most ", dataset_.size(), ", the images of ", dataset_.name()}),
                       concat({batch_size}), "lower it, or set .last_batch = LastBatch::keep");
    constexpr index_t most = index_t{1} << 62;
    if (options_.first_batch < 0 || options_.first_batch > most / std::max(batch_size, dataset_.size()))
      throw ShapeError("Loader", concat({"a first_batch of 0 to ", most / std::max(batch_size, dataset_.size())}), concat({options_.first_batch}),
                       "0 begins at the beginning");
    if (!(options_.low < options_.high && std::isfinite(options_.high - options_.low)))
      throw ShapeError("Loader", "a low below a high, a finite distance apart", concat({options_.low, " and ", options_.high}),
                       "use -1 and 1 where the generator ends with Tanh, 0 and 1 where it ends with Sigmoid");
  }

  Buffer& buffer_of(index_t number) { return buffers_[static_cast<std::size_t>(number % 2)]; }

  NASH_COLD void prefetch() {
    try {
      for (index_t number = prepared_;; ++number) {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return stopping_ || number < given_back_ + 2; });
          if (stopping_) return;
        }
        prepare(number, buffer_of(number));
        {
          const std::lock_guard lock(mutex_);
          prepared_ = number + 1;
        }
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  /// Fills the buffer with batch `number`, counted from the beginning of the first epoch: a function of it and the seed.
  void prepare(index_t number, Buffer& buffer) {
    const index_t epoch = number / batches_per_epoch();
    if (epoch != shuffled_epoch_) shuffle(epoch);
    const index_t first = number % batches_per_epoch() * options_.batch_size;
    const index_t count = std::min(options_.batch_size, dataset_.size() - first);

    const Shape shape = dataset_.shape().with_samples(count);
    T* to;
    if constexpr (shares_host_memory<Device>) {
      buffer.batch.images.resize(shape);
      to = buffer.batch.images.data();
    } else {
      buffer.shape = shape;
      buffer.staging.resize(static_cast<std::size_t>(shape.count()));
      to = buffer.staging.data();
    }
    buffer.batch.labels.resize(static_cast<std::size_t>(dataset_.has_labels() ? count : 0));
    buffer.batch.classes = dataset_.classes();
    buffer.batch.epoch = epoch;
    for (index_t n = 0; n < count; ++n) {
      const index_t chosen = order_[static_cast<std::size_t>(first + n)];
      for (const std::uint8_t byte : dataset_.image(chosen)) *to++ = value_of_byte_[byte];
      if (dataset_.has_labels()) buffer.batch.labels[static_cast<std::size_t>(n)] = dataset_.label(chosen);
    }
  }

  /// Fisher and Yates' shuffle, from the same start in every epoch, so that no epoch depends on those before it.
  void shuffle(index_t epoch) {
    std::iota(order_.begin(), order_.end(), index_t{0});
    shuffled_epoch_ = epoch;
    if (!options_.shuffle) return;
    const RandomStream random = RandomStream(options_.seed).child(static_cast<std::uint64_t>(epoch));
    for (index_t i = dataset_.size() - 1; i > 0; --i) {
      // With 64 random bits the remainder's bias is below i / 2⁶⁴.
      const std::uint64_t word = std::uint64_t{random.bits(2 * i)} << 32 | random.bits(2 * i + 1);
      std::swap(order_[static_cast<std::size_t>(i)], order_[word % static_cast<std::uint64_t>(i + 1)]);
    }
  }

  Dataset dataset_;
  LoaderOptions options_;
  std::array<T, 256> value_of_byte_{};
  std::array<Buffer, 2> buffers_;

  // Those of whoever prepares batches.
  std::vector<index_t> order_;
  index_t shuffled_epoch_ = -1;

  // Numbers of batches. taken_ is the caller's; the mutex guards the others.
  index_t taken_ = 0;       // given to the caller
  index_t given_back_ = 0;  // which the caller is done with: all but the last
  index_t prepared_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace nash
