// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"

namespace nash {

// What a network checks, compiled once for all networks.
namespace detail {

[[noreturn]] NASH_COLD inline void refuse_unset_parameters(const std::string& role) {
  throw Error(role, "the parameters are not set", "call initialise(seed), load them, or hand the network to a GanTrainer");
}
NASH_COLD inline void check_backward(const std::string& role, const Shape& x, const Shape& expected, const Shape& y, const Shape& dy) {
  if (y == expected && dy == y) return;
  throw ShapeError(role, concat({"y and dy of the shape that ", x, " gives, ", expected}), concat({y, " and ", dy}),
                   "run forward on this x first, and take the gradient of its y");
}
NASH_COLD inline void check_gradient_count(const std::string& role, index_t parameters, index_t gradients) {
  if (gradients == parameters) return;
  throw ShapeError(role, concat({parameters, " gradients, one a parameter"}), concat({gradients}), "give them the shape of parameters()");
}

}  // namespace detail

/// A body of layers whose parameters are one flat tensor: what Generator and Discriminator have in common.
///
/// A network knows whether its parameters mean anything yet: they do once they were initialised or loaded.
template <class Body>
class Network {
 public:
  using BodyType = Body;
  using Scalar = typename Body::Scalar;
  using Device = typename Body::Device;
  using Saved = typename Body::Saved;

  NASH_COLD Network(Body&& body, std::string role) : body_(std::move(body)), parameters_(body_), role_(std::move(role)) {}
  NASH_COLD Network(const Network& other) : body_(other.body_), parameters_(body_), role_(other.role_), ready_(other.ready_) {
    Context<Device> context(1);
    restore(context);
  }
  Network& operator=(const Network& other) { return *this = Network(other); }
  Network(Network&&) noexcept = default;
  Network& operator=(Network&&) noexcept = default;

  const Body& body() const { return body_; }
  /// "Generator" or "Discriminator", as errors and file entries name it.
  const std::string& role() const { return role_; }

  /// All trained parameters in visiting order.
  Tensor<Scalar, Device>& parameters() { return parameters_.values(); }
  const Tensor<Scalar, Device>& parameters() const { return parameters_.values(); }

  /// Draws all parameters anew. Equal seeds give equal networks, on every device.
  NASH_COLD void initialise(Context<Device>& context, RandomStream random) {
    nash::initialise(context, body_, random);
    ready_ = true;
  }
  void initialise(std::uint64_t seed) {
    Context<Device> context(1);
    initialise(context, RandomStream(seed));
  }

  /// How many classes its layers know, 0 where none depends on labels.
  index_t classes() const { return traits_of(body_).classes; }

  /// Whether the parameters were initialised or loaded.
  bool is_ready() const { return ready_; }
  /// To be called after the state was written from outside, as by loading.
  NASH_COLD void mark_loaded(Context<Device>& context) {
    restore(context);
    ready_ = true;
  }

  NASH_COLD void forward(const Pass<Device>& pass, const Tensor<Scalar, Device>& x, Tensor<Scalar, Device>& y,
                         Saved* saved) const {
    if (!ready_) detail::refuse_unset_parameters(role_);
    located([&] { body_.forward(pass, x, y, saved); });
  }
  NASH_COLD void backward(const Pass<Device>& pass, const Tensor<Scalar, Device>& x, const Tensor<Scalar, Device>& y, Saved& saved,
                          const Tensor<Scalar, Device>& dy, Tensor<Scalar, Device>* dx, Gradients<Scalar, Device>* grads) const {
    detail::check_backward(role_, x.shape(), output_shape(x.shape()), y.shape(), dy.shape());
    if (grads != nullptr) detail::check_gradient_count(role_, parameters().count(), grads->count());
    body_.backward(pass, x, y, saved, dy, dx, grads);
  }
  void commit(Context<Device>& context, Saved& saved) { body_.commit(context, saved); }
  void refresh(Context<Device>& context) { nash::refresh(context, body_); }
  void restore(Context<Device>& context) { nash::restore(context, body_); }

  NASH_COLD Shape output_shape(const Shape& x) const {
    Shape y;
    located([&] { y = body_.output_shape(x); });
    return y;
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Body::visit_state(self.body_, visit);
  }

 protected:
  /// Tells the errors that come out of the body whose body it was.
  template <class Function>
  void located(const Function& f) const {
    try {
      f();
    } catch (Error& error) {
      error.add_location(role_);
      throw;
    }
  }

 private:
  Body body_;
  FlatParameters<Scalar, Device> parameters_;
  std::string role_;
  bool ready_ = false;
};

}  // namespace nash
