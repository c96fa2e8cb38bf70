// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "nash/core/shape.hpp"
#include "nash/tensor/memory.hpp"

namespace nash {

/// A dense array of up to four dimensions: contiguous, row-major, owning its memory. See Shape for the layouts.
///
/// resize() keeps the memory while it suffices, so that a tensor that is used again each step allocates once. A tensor
/// made by borrow() uses memory of somebody else, and never more of it than it was given.
template <class T, class Device = Cpu>
class Tensor {
 public:
  using Scalar = T;

  Tensor() = default;
  /// Of indeterminate values; see zeros().
  explicit Tensor(const Shape& shape) { resize(shape); }

  /// From host values in row-major order. Throws ShapeError if their number is not the shape's.
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape) {
    if (static_cast<index_t>(values.size()) != count())
      throw ShapeError("Tensor", concat({count(), " values for ", shape}), concat({values.size()}), "give one value an element");
    Memory<Device>::from_host(data_, values.data(), bytes());
  }

  static Tensor zeros(const Shape& shape) { return filled(shape, T{0}); }

  /// The same value everywhere.
  NASH_NOINLINE static Tensor filled(const Shape& shape, T value) {
    Tensor tensor(shape);
    if constexpr (shares_host_memory<Device>) {
      std::fill(tensor.begin(), tensor.end(), value);
    } else {  // a piece at a time: the host need not have room for all of it
      constexpr index_t piece = 1 << 16;
      const std::vector<T> values(static_cast<std::size_t>(std::min(piece, tensor.count_)), value);
      for (index_t first = 0; first < tensor.count_; first += piece)
        Memory<Device>::from_host(tensor.data_ + first, values.data(),
                                  static_cast<std::size_t>(std::min(piece, tensor.count_ - first)) * sizeof(T));
    }
    return tensor;
  }

  /// A tensor over memory that outlives it, with room for `capacity` elements.
  static Tensor borrow(T* data, index_t capacity, const Shape& shape) {
    Tensor tensor;
    tensor.data_ = data;
    tensor.capacity_ = capacity;
    tensor.borrowed_ = true;
    tensor.resize(shape);
    return tensor;
  }

  /// A deep copy, even of a borrowed tensor.
  Tensor(const Tensor& other) { copy_from(other); }
  Tensor& operator=(const Tensor& other) {
    if (this != &other) copy_from(other);
    return *this;
  }
  Tensor(Tensor&& other) noexcept { swap(other); }
  /// Into borrowed memory the values are copied, so that the tensor stays where it is looked for.
  Tensor& operator=(Tensor&& other) {
    if (borrowed_) return *this = static_cast<const Tensor&>(other);
    Tensor moved(std::move(other));
    swap(moved);
    return *this;
  }

  const Shape& shape() const { return shape_; }
  index_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }

  T& operator[](index_t i)
    requires shares_host_memory<Device>
  {
    return data_[i];
  }
  const T& operator[](index_t i) const
    requires shares_host_memory<Device>
  {
    return data_[i];
  }

  T* begin() requires shares_host_memory<Device> { return data_; }
  T* end() requires shares_host_memory<Device> { return data_ + count_; }
  const T* begin() const requires shares_host_memory<Device> { return data_; }
  const T* end() const requires shares_host_memory<Device> { return data_ + count_; }

  /// Takes another shape; the values are indeterminate afterwards unless the number of elements stays the same.
  NASH_NOINLINE void resize(const Shape& shape) {
    const index_t count = shape.count();
    if (count > capacity_) grow(shape);
    shape_ = shape;
    count_ = count;
  }

  NASH_NOINLINE std::vector<T> to_host() const {
    std::vector<T> values(static_cast<std::size_t>(count_));
    Memory<Device>::to_host(values.data(), data_, bytes());
    return values;
  }

  /// Throws ShapeError unless there is one value an element.
  void assign_from_host(std::span<const T> values) {
    if (static_cast<index_t>(values.size()) != count_)
      throw ShapeError("Tensor", concat({count_, " values for ", shape_}), concat({values.size()}), "give one value an element");
    Memory<Device>::from_host(data_, values.data(), bytes());
  }

  /// Exchanges the memory itself, borrowed or not.
  NASH_NOINLINE void swap(Tensor& other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(data_, other.data_);
    std::swap(shape_, other.shape_);
    std::swap(count_, other.count_);
    std::swap(capacity_, other.capacity_);
    std::swap(borrowed_, other.borrowed_);
  }

 private:
  NASH_COLD void grow(const Shape& shape) {
    if (borrowed_)
      throw ShapeError("Tensor", concat({"at most ", capacity_, " elements of borrowed memory"}), shape.text(), "borrow more or use an owning tensor");
    storage_ = Storage<T, Device>(shape.count());
    data_ = storage_.data();
    capacity_ = shape.count();
  }

  std::size_t bytes() const { return static_cast<std::size_t>(count_) * sizeof(T); }

  NASH_NOINLINE void copy_from(const Tensor& other) {
    resize(other.shape_);
    Memory<Device>::copy(data_, other.data_, bytes());
  }

  Storage<T, Device> storage_;
  T* data_ = nullptr;
  Shape shape_{0};
  index_t count_ = 0;
  index_t capacity_ = 0;
  bool borrowed_ = false;
};

/// The same values in another scalar type or on another device: to := from. Keeps `to`'s memory where it suffices.
template <class T, class FromDevice, class U, class ToDevice>
void convert(const Tensor<T, FromDevice>& from, Tensor<U, ToDevice>& to) {
  const std::vector<T> values = from.to_host();
  std::vector<U> converted(values.size());
  std::transform(values.begin(), values.end(), converted.begin(), [](T value) { return static_cast<U>(value); });
  to.resize(from.shape());
  to.assign_from_host(converted);
}

}  // namespace nash
