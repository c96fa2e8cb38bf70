// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/init.hpp"
#include "nash/nn/unwritten_gradients.hpp"

namespace nash {

/// A trained tensor of a layer: its value, how it begins, and where it stands among a network's flat parameters.
///
/// On its own a parameter owns its value. Bound to a flat tensor (see FlatParameters) it is a view of a part of it.
/// Copies own their value again. A default-constructed parameter is absent, such as the bias of a layer without one.
template <class T, class Device>
class Parameter {
 public:
  Parameter() = default;
  NASH_COLD Parameter(const Shape& shape, const Init& init, const Fans& fans = {})
      : value_(Tensor<T, Device>::zeros(shape)), init_(init), fans_(fans) {
    init.check();
  }

  Parameter(const Parameter& other) : value_(other.value_), init_(other.init_), fans_(other.fans_) {}
  Parameter& operator=(const Parameter& other) { return *this = Parameter(other); }
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(Parameter&& other) noexcept {
    value_.swap(other.value_);
    std::swap(init_, other.init_);
    std::swap(fans_, other.fans_);
    std::swap(offset_, other.offset_);
    return *this;
  }

  bool present() const { return !value_.empty(); }
  const Shape& shape() const { return value_.shape(); }
  index_t count() const { return value_.count(); }
  const Fans& fans() const { return fans_; }
  const Init& init() const { return init_; }

  Tensor<T, Device>& value() { return value_; }
  const Tensor<T, Device>& value() const { return value_; }
  /// Null where the parameter is absent, as kernels take it.
  const T* data() const { return value_.data(); }

  void initialise(Context<Device>& context, RandomStream random) {
    if (present()) init_.fill(context, random, fans_, value_);
  }

  /// From now on the value is flat[offset], …; the memory must outlive the parameter.
  void bind(T* flat, index_t offset) {
    Tensor<T, Device> view = Tensor<T, Device>::borrow(flat + offset, count(), shape());
    Memory<Device>::copy(view.data(), value_.data(), static_cast<std::size_t>(count()) * sizeof(T));
    value_.swap(view);
    offset_ = offset;
  }

  /// The position among the flat parameters, and that of its gradient among the flat gradients; −1 while it is not bound.
  index_t offset() const { return offset_; }

 private:
  Tensor<T, Device> value_;
  Init init_;
  Fans fans_;
  index_t offset_ = -1;
};

/// A weight matrix of a layer, possibly absent, and the name that it has among the layer's state.
template <class P>
struct NamedWeight {
  const char* name;
  P* parameter;
};
template <class P>
NamedWeight(const char*, P*) -> NamedWeight<P>;

/// A tensor of a layer that is state but not trained: running statistics, the vectors of a power iteration.
template <class T, class Device>
class Buffer {
 public:
  Buffer() = default;
  /// Constant buffers have their value at once, others when they are initialised.
  NASH_COLD Buffer(const Shape& shape, const Init& init)
      : value_(Tensor<T, Device>::filled(shape, init.kind == Init::Kind::constant ? static_cast<T>(init.a) : T{0})), init_(init) {}

  /// Of given values, which initialising leaves as they are.
  NASH_COLD explicit Buffer(const Tensor<T, Device>& value) : value_(value), is_given_(true) {}

  Tensor<T, Device>& value() { return value_; }
  const Tensor<T, Device>& value() const { return value_; }

  void initialise(Context<Device>& context, RandomStream random) {
    if (!is_given_) init_.fill(context, random, {}, value_);
  }

 private:
  Tensor<T, Device> value_;
  Init init_;
  bool is_given_ = false;
};

/// Where the gradient of a parameter goes: it is added to what is there, or written where that is nothing yet.
template <class T>
struct GradientPlace {
  T* values;
  bool adds;
};

/// Where layers add their parameters' gradients: one flat tensor in the order of the flat parameters.
template <class T, class Device>
class Gradients {
 public:
  explicit Gradients(Tensor<T, Device>& flat) : flat_(flat.data()), count_(flat.count()) {}
  /// In an update that has begun, whose unwritten parts mean zero.
  Gradients(Tensor<T, Device>& flat, UnwrittenGradients<T, Device>& unwritten) : flat_(flat.data()), count_(flat.count()), unwritten_(&unwritten) {}

  /// Of all of them: as many as the flat parameters.
  index_t count() const { return count_; }

  /// The same, but for one parameter that is not among the flat ones itself (see SpectralNorm). These must outlive the result.
  Gradients redirected(const Parameter<T, Device>& parameter, T* gradient) const& {
    Gradients other = *this;
    other.redirected_ = &parameter;
    other.target_ = gradient;
    other.others_ = this;
    return other;
  }
  Gradients redirected(const Parameter<T, Device>& parameter, T* gradient) const&& = delete;

  /// To add to.
  T* of(const Parameter<T, Device>& parameter) const {
    const GradientPlace<T> place = into(parameter);
    if (!place.adds) unwritten_->clear(place.values, parameter.count());
    return place.values;
  }
  /// To add to, or to write: for layers whose kernels can do either. Whoever asks must do it.
  GradientPlace<T> into(const Parameter<T, Device>& parameter) const {
    for (const Gradients* gradients = this; gradients != nullptr; gradients = gradients->others_)
      if (&parameter == gradients->redirected_) return {gradients->target_, true};
    if (parameter.offset() < 0)
      throw Error("Gradients", "the parameter is not bound to a flat tensor", "put the layer into a network, or use FlatParameters");
    return {flat_ + parameter.offset(), unwritten_ == nullptr || parameter.count() == 0 || !unwritten_->take(parameter.offset())};
  }

 private:
  T* flat_;
  index_t count_;
  UnwrittenGradients<T, Device>* unwritten_ = nullptr;
  const Parameter<T, Device>* redirected_ = nullptr;
  T* target_ = nullptr;
  const Gradients* others_ = nullptr;
};

}  // namespace nash
