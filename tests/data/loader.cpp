// SPDX-License-Identifier: Apache-2.0
#include "nash/data/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <set>
#include <thread>

#include "message_of.hpp"

using namespace nash;

namespace {

/// Stands in for a device whose memory the host cannot touch.
struct Remote {};

/// A device that runs out of memory after so many blocks.
struct Exhausted {};

}  // namespace

namespace nash {
template <>
struct Memory<Remote> : HostMemory {};
template <>
inline constexpr bool shares_host_memory<Exhausted> = true;
template <>
struct Memory<Exhausted> : HostMemory {
  static inline std::atomic<int> blocks_left = 0;
  static void* allocate(std::size_t bytes) {
    if (blocks_left-- <= 0) throw std::bad_alloc();
    return HostMemory::allocate(bytes);
  }
};
}  // namespace nash

namespace {

/// Images of 2×2×1 whose four bytes, and whose label, are their number.
Dataset numbered(index_t count, bool with_labels = true) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (index_t i = 0; i < count; ++i) {
    pixels.insert(pixels.end(), 4, static_cast<std::uint8_t>(i));
    if (with_labels) labels.push_back(static_cast<std::int32_t>(i));
  }
  return Dataset("numbered", {count, 2, 2, 1}, std::move(pixels), std::move(labels));
}

/// The numbers of the images in the next `count` batches, one vector a batch.
template <class T, class Device>
std::vector<std::vector<int>> take(Loader<T, Device>& loader, int count) {
  std::vector<std::vector<int>> batches;
  for (int i = 0; i < count; ++i) {
    const Batch<T, Device>& batch = loader.next();
    batches.emplace_back(batch.labels.begin(), batch.labels.end());
  }
  return batches;
}

}  // namespace

TEST_CASE("Loader: deduced with and without options, values of [-1, 1] that belong to their labels") {
  Loader loader{numbered(256), {.batch_size = 64}};
  static_assert(std::is_same_v<decltype(loader), Loader<float, Cpu>>);
  const Batch<>& batch = loader.next();
  CHECK(batch.images.shape() == Shape{64, 2, 2, 1});
  REQUIRE(batch.labels.size() == 64);
  for (index_t n = 0; n < 64; ++n)
    for (index_t p = 0; p < 4; ++p)
      CHECK(batch.images[4 * n + p] == static_cast<float>(batch.labels[static_cast<std::size_t>(n)] / 127.5 - 1.0));

  Loader plain(numbered(64));
  CHECK(plain.next().images.shape()[0] == 64);
  Loader<double, Reference> other(numbered(256), {.batch_size = 256, .shuffle = false});
  const auto& all = other.next();
  CHECK(all.images[0] == -1.0);
  CHECK(all.images[4 * 255] == 1.0);
  CHECK(all.images[4 * 51] == 51 / 127.5 - 1.0);
}

TEST_CASE("Loader: values of [0, 1], or of any other range") {
  Loader loader{numbered(256), {.batch_size = 256, .shuffle = false, .low = 0, .high = 1}};
  const Batch<>& batch = loader.next();
  for (index_t i = 0; i < 256; ++i) CHECK(batch.images[4 * i] == static_cast<float>(static_cast<double>(i) / 255));
  Loader<double> wide(numbered(256), {.batch_size = 256, .shuffle = false, .low = -3, .high = 7});
  const auto& values = wide.next();
  CHECK(values.images[0] == -3);
  CHECK(values.images[4 * 255] == 7);
  CHECK(values.images[4 * 51] == doctest::Approx(-1).epsilon(1e-15));
}

TEST_CASE("Loader: an epoch gives every image once, in an order of its own, the same for the same seed") {
  for (const bool prefetch : {true, false}) {
    CAPTURE(prefetch);
    Loader loader{numbered(12), {.batch_size = 4, .seed = 3, .prefetch = prefetch}};
    std::set<std::vector<int>> orders;
    for (index_t epoch = 0; epoch < 20; ++epoch) {
      std::vector<int> order;
      for (const Batch<>& batch : loader) {
        CHECK(batch.epoch == epoch);
        order.insert(order.end(), batch.labels.begin(), batch.labels.end());
      }
      orders.insert(order);
      std::sort(order.begin(), order.end());
      for (int i = 0; i < 12; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
    }
    CHECK(orders.size() == 20);
  }
  Loader a{numbered(12), {.batch_size = 4, .seed = 3}}, b{numbered(12), {.batch_size = 4, .seed = 3, .prefetch = false}},
      c{numbered(12), {.batch_size = 4, .seed = 4}};
  const auto from_a = take(a, 10);
  CHECK(from_a == take(b, 10));
  CHECK(from_a != take(c, 10));
}

TEST_CASE("Loader: the order of a seed, the same on every machine") {
  Loader loader{numbered(10), {.batch_size = 10, .seed = 42}};
  const std::vector<std::vector<int>> expected{{9, 2, 0, 5, 7, 8, 4, 6, 1, 3}, {7, 1, 0, 5, 8, 2, 3, 9, 4, 6}};
  CHECK(take(loader, 2) == expected);
}

TEST_CASE("Loader: the shuffle prefers no place") {
  // How often each of 6 images comes first of 6000: 1000 ± 29 (one standard deviation); the bound is 5 of them.
  Loader loader{numbered(6), {.batch_size = 6, .prefetch = false}};
  std::array<int, 6> first{}, last{};
  for (int i = 0; i < 6000; ++i) {
    const auto& labels = loader.next().labels;
    ++first[static_cast<std::size_t>(labels.front())];
    ++last[static_cast<std::size_t>(labels.back())];
  }
  for (const int count : first) CHECK(std::abs(count - 1000) < 145);
  for (const int count : last) CHECK(std::abs(count - 1000) < 145);
}

TEST_CASE("Loader: the images that do not fill a batch") {
  Loader drop{numbered(10), {.batch_size = 4, .shuffle = false}};
  CHECK(drop.batches_per_epoch() == 2);
  CHECK(take(drop, 3) == std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6, 7}, {0, 1, 2, 3}});
  Loader keep{numbered(10), {.batch_size = 4, .last_batch = LastBatch::keep, .shuffle = false}};
  CHECK(keep.batches_per_epoch() == 3);
  CHECK(take(keep, 4) == std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}, {0, 1, 2, 3}});
  Loader even{numbered(8), {.batch_size = 4, .last_batch = LastBatch::keep}};
  CHECK(even.batches_per_epoch() == 2);
  Loader small{numbered(3), {.batch_size = 64, .last_batch = LastBatch::keep}};
  CHECK(small.next().images.shape() == Shape{3, 2, 2, 1});
  CHECK(small.next().epoch == 1);
}

TEST_CASE("Loader: a loop goes to the end of the epoch that was begun") {
  Loader loader{numbered(12), {.batch_size = 4}};
  loader.next();
  int batches = 0;
  for (const auto& batch : loader) batches += batch.epoch == 0 ? 1 : 100;
  CHECK(batches == 2);
  for ([[maybe_unused]] const auto& batch : loader) break;
  for ([[maybe_unused]] const auto& batch : loader) ++batches;
  CHECK(batches == 4);
  CHECK(loader.position() == 6);
}

TEST_CASE("Loader: resumed at a position it gives what follows there") {
  for (const bool prefetch : {true, false}) {
    Loader whole{numbered(10), {.batch_size = 3, .seed = 5, .prefetch = prefetch}};
    take(whole, 7);
    Loader resumed{numbered(10), {.batch_size = 3, .seed = 5, .prefetch = prefetch, .first_batch = whole.position()}};
    CHECK(take(whole, 9) == take(resumed, 9));
  }
}

TEST_CASE("Loader: a batch stays as it is until the next one is asked for, and the memory is used again") {
  Loader loader{numbered(200), {.batch_size = 50}};
  std::set<const void*> places;
  for (int i = 0; i < 40; ++i) {
    const Batch<>& batch = loader.next();
    places.insert(batch.images.data());
    const std::vector<float> before = batch.images.to_host();
    std::this_thread::yield();
    CHECK(batch.images.to_host() == before);
  }
  CHECK(places.size() == 2);
}

TEST_CASE("Loader: without labels, and on a device that the host cannot write to") {
  Loader unlabelled{numbered(8, false), {.batch_size = 4}};
  CHECK(unlabelled.next().labels.empty());

  Loader<float, Remote> remote(numbered(10), {.batch_size = 4, .last_batch = LastBatch::keep, .shuffle = false});
  for (int i = 0; i < 6; ++i) {
    const auto& batch = remote.next();
    const auto values = batch.images.to_host();
    REQUIRE(values.size() == 4 * batch.labels.size());
    for (std::size_t n = 0; n < batch.labels.size(); ++n)
      CHECK(values[4 * n + 3] == static_cast<float>(batch.labels[n] / 127.5 - 1.0));
  }
}

TEST_CASE("Loader: what fails in the thread reaches the caller, after the batches before it, again and again") {
  for (const bool prefetch : {true, false})
    for (const int blocks : {0, 1}) {
      Memory<Exhausted>::blocks_left = blocks;
      Loader<float, Exhausted> loader(numbered(8), {.batch_size = 4, .prefetch = prefetch});
      // Time for the thread to fail while what it prepared before has not been asked for.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      for (int i = 0; i < blocks; ++i) CHECK(loader.next().labels.size() == 4);
      CHECK_THROWS_AS(loader.next(), std::bad_alloc);
      CHECK_THROWS_AS(loader.next(), std::bad_alloc);
    }
}

TEST_CASE("Loader: ends cleanly at any time") {
  for (int taken = 0; taken < 4; ++taken)
    for (int repeat = 0; repeat < 25; ++repeat) {
      Loader loader{numbered(12), {.batch_size = 4}};
      take(loader, taken);
    }
}

TEST_CASE("Loader: options that make no sense") {
  const auto message = [](const LoaderOptions& options) {
    return message_of<ShapeError>([&] { Loader loader(numbered(10), options); });
  };
  for (const index_t size : {0, -1})
    CHECK(message({.batch_size = size}) ==
          concat({"Loader: expected a batch_size of at least 1, got ", size, ".\n64 is a usual one."}));
  CHECK(message({.batch_size = 11}) ==
        "Loader: expected a batch_size of at most 10, the images of numbered, got 11.\nLower it, or set .last_batch = "
        "LastBatch::keep.");
  CHECK(message({.batch_size = std::numeric_limits<index_t>::max(), .last_batch = LastBatch::keep}) == "");
  for (const auto& [low, high] : {std::pair{1.0, 1.0}, std::pair{1.0, -1.0}, std::pair{0.0, std::nan("")}, std::pair{std::nan(""), 0.0},
                                  std::pair{-std::numeric_limits<double>::infinity(), 1.0}, std::pair{0.0, std::numeric_limits<double>::infinity()}})
    CHECK(message({.batch_size = 2, .low = low, .high = high}) ==
          concat({"Loader: expected a low below a high, a finite distance apart, got ", low, " and ", high,
                 ".\nUse -1 and 1 where the generator ends with Tanh, 0 and 1 where it ends with Sigmoid."}));
  CHECK(message({.batch_size = 2, .first_batch = -1}).find(", got -1.\n0 begins at the beginning") != std::string::npos);
  CHECK(message({.batch_size = 2, .first_batch = std::numeric_limits<index_t>::max()}).starts_with("Loader: expected a first_batch of 0 to "));
  CHECK(message({.batch_size = 2, .low = -1e308, .high = 1e308}).starts_with("Loader: expected a low below a high, a finite distance apart"));
}
