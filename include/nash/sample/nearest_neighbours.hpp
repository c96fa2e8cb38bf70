// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "nash/nn/layer.hpp"

namespace nash {

/// distances[i] := ‖a_row − b_column‖², i = row·columns + column; in double, and no difference of squares, which would not tell copies from near ones
template <class T>
struct SquaredDistances {
  index_t columns, size;
  const T* a;
  const T* b;
  double* distances;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const T *const row = a + i / columns * size, *const column = b + i % columns * size;
    double total = 0;
    for (index_t k = 0; k < size; ++k) {
      const double difference = static_cast<double>(row[k]) - static_cast<double>(column[k]);
      total += difference * difference;
    }
    distances[i] = total;
  }
};

/// A training image and how far from a sample it is, by the Euclidean distance of their values.
struct Neighbour {
  index_t index;
  double distance;
};

/// The training images nearest to given samples, to see whether a generator makes new images or copies what it was shown: samples that
/// lie much nearer to their neighbours than unseen real images lie to theirs are copies.
///
///     NearestNeighbours nearest(samples, 5);
///     for (const Batch<>& batch : loader) nearest.add(context, batch.images);
///     nearest.of(0)[0].index
template <class T, class Device = Cpu>
class NearestNeighbours {
 public:
  /// Of each sample the `count` nearest.
  NASH_COLD NearestNeighbours(const Tensor<T, Device>& samples, index_t count = 1) : samples_(samples), count_(count) {
    require_at_least(1, count, "NearestNeighbours", "a number of neighbours");
    if (samples.shape().rank() < 1 || samples.count() == 0)
      throw ShapeError("NearestNeighbours", "at least one sample", samples.shape().text(), "draw some");
    found_.resize(static_cast<std::size_t>(samples.shape()[0]));
  }

  /// More training images, with the same range of values as the samples. They are numbered in the order in which they come, from 0.
  NASH_COLD void add(Context<Device>& context, const Tensor<T, Device>& images) {
    if (images.shape().rank() < 1 || images.shape().with_samples(1) != samples_.shape().with_samples(1))
      throw ShapeError("NearestNeighbours", concat({"images of the samples' shape, N", samples_.shape().with_samples(1).text().substr(1)}),
                       images.shape().text(), "compare like with like");
    const index_t rows = samples_.shape()[0], columns = images.shape()[0];
    distances_.resize(Shape{rows, columns});
    pointwise(context, rows * columns,
              SquaredDistances<T>{columns, samples_.shape().count_per_sample(), samples_.data(), images.data(), distances_.data()});
    const std::vector<double> squares = distances_.to_host();
    for (index_t row = 0; row < rows; ++row)
      for (index_t column = 0; column < columns; ++column) insert(row, {seen_ + column, std::sqrt(squares[static_cast<std::size_t>(row * columns + column)])});
    seen_ += columns;
  }

  /// How many training images were added.
  index_t seen() const { return seen_; }

  /// The neighbours of a sample, the nearest first, of equal ones the first; fewer than asked for where fewer images were added.
  const std::vector<Neighbour>& of(index_t sample) const {
    if (sample < 0 || sample >= samples_.shape()[0])
      throw ShapeError("NearestNeighbours", concat({"a sample from 0 to ", samples_.shape()[0] - 1}), concat({sample}), "stay among the samples");
    return found_[static_cast<std::size_t>(sample)];
  }

 private:
  void insert(index_t row, const Neighbour& neighbour) {
    if (!std::isfinite(neighbour.distance))
      throw NumericError("NearestNeighbours", "finite samples and images", concat({"a distance of ", neighbour.distance, " to image ", neighbour.index}), "check both");
    auto& best = found_[static_cast<std::size_t>(row)];
    const bool full = static_cast<index_t>(best.size()) == count_;
    if (full && neighbour.distance >= best.back().distance) return;
    if (full) best.pop_back();
    const auto place = std::upper_bound(best.begin(), best.end(), neighbour, [](const Neighbour& a, const Neighbour& b) { return a.distance < b.distance; });
    best.insert(place, neighbour);
  }

  Tensor<T, Device> samples_;
  index_t count_, seen_ = 0;
  std::vector<std::vector<Neighbour>> found_;
  Tensor<double, Device> distances_;
};

}  // namespace nash
