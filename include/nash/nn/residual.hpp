// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/identity.hpp"

namespace nash {

/// y := a + b
template <class T>
struct AddTwo {
  const T* a;
  const T* b;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = a[i] + b[i]; }
};

/// y = body(x) + skip(x), both of the same shape; without a skip, y = body(x) + x. He et al. 2016.
template <class Body, class Skip = Identity<typename Body::Scalar, typename Body::Device>>
class Residual : public LayerDefaults<typename Body::Scalar, typename Body::Device> {
  using T = typename Body::Scalar;
  using D = typename Body::Device;
  static_assert(std::is_same_v<typename Skip::Scalar, T>, "the body and the skip of a Residual have one scalar type");
  static_assert(std::is_same_v<typename Skip::Device, D>, "the body and the skip of a Residual are on one device");

 public:
  static constexpr bool couples_samples = Body::couples_samples || Skip::couples_samples;
  static constexpr bool penalised_although_coupled = !RefusesPenalties<Body> && !RefusesPenalties<Skip>;
  static constexpr bool curved = Body::curved || Skip::curved;

  struct Saved {
    typename Body::Saved body;
    typename Skip::Saved skip;
    Tensor<T, D> body_output, skip_output;
  };

  explicit Residual(Body body) : body_(std::move(body)) {}
  Residual(Body body, Skip skip) : body_(std::move(body)), skip_(std::move(skip)) {}

  const Body& body() const { return body_; }
  const Skip& skip() const { return skip_; }

  Shape output_shape(const Shape& x) const {
    const Shape body = located("body", [&] { return body_.output_shape(x); });
    const Shape skip = located("skip", [&] { return skip_.output_shape(x); });
    if (body != skip)
      throw ShapeError("Residual", concat({"a body that gives ", skip, " like the skip"}), body.text(), "give the Residual a skip that fits its body");
    return body;
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    const Shape shape = output_shape(x.shape());
    y.resize(shape);
    if (saved == nullptr) {
      const auto memory = pass.context.template scratch<T>(shape.count());
      Tensor<T, D> skip_output = memory.tensor(shape);
      body_.forward(pass.child(0), x, y, nullptr);
      skip_.forward(pass.child(1), x, skip_output, nullptr);
      return pointwise(pass.context, y.count(), Accumulate<T>{skip_output.data(), y.data()});
    }
    body_.forward(pass.child(0), x, saved->body_output, &saved->body);
    skip_.forward(pass.child(1), x, saved->skip_output, &saved->skip);
    add(pass.context, saved->body_output, saved->skip_output, y);
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    const auto memory = pass.context.template scratch<T>(dx != nullptr ? x.count() : 0);
    Tensor<T, D> from_skip = memory.tensor(dx != nullptr ? x.shape() : Shape{0});
    body_.backward(pass.child(0), x, saved.body_output, saved.body, dy, dx, grads);
    skip_.backward(pass.child(1), x, saved.skip_output, saved.skip, dy, dx != nullptr ? &from_skip : nullptr, grads);
    if (dx != nullptr) pointwise(pass.context, dx->count(), Accumulate<T>{from_skip.data(), dx->data()});
  }

  void commit(Context<D>& context, Saved& saved) {
    body_.commit(context, saved.body);
    skip_.commit(context, saved.skip);
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const
    requires TwiceDifferentiable<Body> && TwiceDifferentiable<Skip>
  {
    const auto memory = pass.context.template scratch<T>(y.count());
    Tensor<T, D> skip_tangent = memory.tensor(y.shape());
    body_.tangent(pass.child(0), x, saved.body_output, saved.body, x_tangent, y_tangent);
    skip_.tangent(pass.child(1), x, saved.skip_output, saved.skip, x_tangent, skip_tangent);
    pointwise(pass.context, y.count(), Accumulate<T>{skip_tangent.data(), y_tangent.data()});
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>&, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const
    requires TwiceDifferentiable<Body> && TwiceDifferentiable<Skip>
  {
    body_.tangent_backward(pass.child(0), x, saved.body_output, saved.body, x_tangent, delta, x_bar, grads);
    skip_.tangent_backward(pass.child(1), x, saved.skip_output, saved.skip, x_tangent, delta, x_bar, grads);
  }

  LayerTraits traits() const { return traits_of(body_).with(traits_of(skip_)); }
  void find_in_the_way(LayersInTheWay& found) const { nash::find_in_the_way(body_, found), nash::find_in_the_way(skip_, found); }

  void refresh(Context<D>& context) {
    nash::refresh(context, body_);
    nash::refresh(context, skip_);
  }
  void restore(Context<D>& context) {
    nash::restore(context, body_);
    nash::restore(context, skip_);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Body::visit_state(self.body_, [&](const StateName& name, auto& state) { visit(StateName("body", name), state); });
    Skip::visit_state(self.skip_, [&](const StateName& name, auto& state) { visit(StateName("skip", name), state); });
  }

  template <class U, class E>
  auto to() const {
    return nash::Residual<decltype(body_.template to<U, E>()), decltype(skip_.template to<U, E>())>(body_.template to<U, E>(),
                                                                                                     skip_.template to<U, E>());
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Residual").add(body_.describe()).add(skip_.describe());
  }

 private:
  static void add(Context<D>& context, const Tensor<T, D>& a, const Tensor<T, D>& b, Tensor<T, D>& y) {
    pointwise(context, y.count(), AddTwo<T>{a.data(), b.data(), y.data()});
  }

  template <class Function>
  static Shape located(std::string_view part, const Function& f) {
    try {
      return f();
    } catch (Error& error) {
      error.add_location(part);
      throw;
    }
  }

  Body body_;
  Skip skip_;
};

// A Residual of one Residual is that, not a copy of it.
template <class Body, class Skip>
Residual(Residual<Body, Skip>) -> Residual<Residual<Body, Skip>>;

}  // namespace nash
