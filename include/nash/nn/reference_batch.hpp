// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// Runs its body on each batch with a fixed reference batch before it, and gives what becomes of the batch: for layers within that compare
/// samples with the reference, such as VirtualBatchNorm.
///
///     ReferenceBatch{Shape{64, 100}, Sequential{Dense{100, 128}, VirtualBatchNorm{128, 64}, ReLU{}, …}}
///
/// The reference is a buffer, saved with the network: standard normal values that are drawn when the network is initialised, as latents
/// for a generator are, or values of your own, such as real images for a discriminator. Gradients by parameters include those by
/// way of the reference.
template <class Body>
class ReferenceBatch : public LayerDefaults<typename Body::Scalar, typename Body::Device> {
  using T = typename Body::Scalar;
  using D = typename Body::Device;
  using Values = Tensor<T, D>;

 public:
  static constexpr Reads reads{.input = false, .output = false};
  static constexpr bool couples_samples = Body::couples_samples;
  static constexpr bool penalised_although_coupled = !RefusesPenalties<Body>;
  static constexpr bool curved = Body::curved;

  struct Saved {
    typename Body::Saved body;
    Values x, y, cotangent, tangent;  // of the reference and the batch
  };

  /// A reference of this shape, of standard normal values.
  NASH_COLD ReferenceBatch(const Shape& reference, Body body)
      : body_(std::move(body)), reference_(checked(reference), Init::normal(1)) {}
  /// These values.
  NASH_COLD ReferenceBatch(const Values& reference, Body body) : body_(std::move(body)), is_given_(true), reference_(reference) {
    checked(reference.shape());
  }

  /// The same reference around another body.
  template <class Other>
  nash::ReferenceBatch<Other> with_body(Other body) const {
    return nash::ReferenceBatch<Other>(reference_, is_given_, std::move(body));
  }

  const Body& body() const { return body_; }
  const Values& reference() const { return reference_.value(); }

  NASH_COLD Shape output_shape(const Shape& x) const {
    if (x.rank() == 0 || x.with_samples(1) != reference().shape().with_samples(1))
      throw ShapeError("ReferenceBatch", concat({"samples of the reference's shape, N", reference().shape().with_samples(1).text().substr(1)}), x.text(),
                       "give it a reference of such samples");
    Shape y;
    try {
      y = body_.output_shape(x.with_samples(samples() + x[0]));
    } catch (Error& error) {
      error.add_location("body");
      throw;
    }
    return y.with_samples(x[0]);
  }

  NASH_COLD void forward(const Pass<D>& pass, const Values& x, Values& y, Saved* saved) const {
    y.resize(output_shape(x.shape()));
    const Shape all_x = x.shape().with_samples(samples() + x.shape()[0]), all_y = y.shape().with_samples(all_x[0]);
    const auto memory = pass.context.template scratch<T>(saved == nullptr ? all_x.count() + all_y.count() : 0);
    if (saved != nullptr) {
      join(pass, x, saved->x);
      body_.forward(pass.child(0), saved->x, saved->y, &saved->body);
      return take(pass, saved->y, y);
    }
    Values joined = Values::borrow(memory.data(), all_x.count(), all_x), output = Values::borrow(memory.data() + all_x.count(), all_y.count(), all_y);
    join(pass, x, joined);
    body_.forward(pass.child(0), joined, output, nullptr);
    take(pass, output, y);
  }

  NASH_COLD void backward(const Pass<D>& pass, const Values& x, const Values&, Saved& saved, const Values& dy, Values* dx, Gradients<T, D>* grads) const {
    pad(pass, dy, saved.cotangent);
    const auto memory = pass.context.template scratch<T>(dx == nullptr ? 0 : saved.x.count());
    Values all = memory.tensor(dx == nullptr ? Shape{0} : saved.x.shape());
    body_.backward(pass.child(0), saved.x, saved.y, saved.body, saved.cotangent, dx == nullptr ? nullptr : &all, grads);
    if (dx == nullptr) return;
    dx->resize(x.shape());
    take(pass, all, *dx);
  }

  void commit(Context<D>& context, Saved& saved) { body_.commit(context, saved.body); }

  NASH_COLD void tangent(const Pass<D>& pass, const Values&, const Values& y, Saved& saved, const Values& x_tangent, Values& y_tangent) const
    requires TwiceDifferentiable<Body>
  {
    pad(pass, x_tangent, saved.tangent);
    const auto memory = pass.context.template scratch<T>(saved.y.count());
    Values all = memory.tensor(saved.y.shape());
    body_.tangent(pass.child(0), saved.x, saved.y, saved.body, saved.tangent, all);
    y_tangent.resize(y.shape());
    take(pass, all, y_tangent);
  }

  NASH_COLD void tangent_backward(const Pass<D>& pass, const Values&, const Values&, Saved& saved, const Values&, const Values&, Values* x_bar,
                                  Gradients<T, D>* grads) const
    requires TwiceDifferentiable<Body>
  {
    const auto memory = pass.context.template scratch<T>(x_bar == nullptr ? 0 : saved.x.count());
    Values all = memory.tensor(x_bar == nullptr ? Shape{0} : saved.x.shape());
    pointwise(pass.context, all.count(), Fill<T>{all.data(), T{0}});
    body_.tangent_backward(pass.child(0), saved.x, saved.y, saved.body, saved.tangent, saved.cotangent, x_bar == nullptr ? nullptr : &all, grads);
    if (x_bar != nullptr) pointwise(pass.context, x_bar->count(), Accumulate<T>{all.data() + all.count() - x_bar->count(), x_bar->data()});
  }

  LayerTraits traits() const {
    LayerTraits traits = traits_of(body_);
    traits.classes = 0;  // the reference batch has no labels
    return traits;
  }
  void find_in_the_way(LayersInTheWay& found) const { nash::find_in_the_way(body_, found); }
  void refresh(Context<D>& context) { nash::refresh(context, body_); }
  void restore(Context<D>& context) { nash::restore(context, body_); }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("reference", self.reference_);
    Body::visit_state(self.body_, [&](const StateName& name, auto& state) { visit(StateName("body", name), state); });
  }

  template <class U, class E>
  auto to() const {
    using Other = nash::ReferenceBatch<decltype(body_.template to<U, E>())>;
    if (!is_given_) {
      Other other(reference().shape(), body_.template to<U, E>());
      copy_state(*this, other);
      return other;
    }
    Tensor<U, E> values;
    convert(reference(), values);
    return Other(values, body_.template to<U, E>());
  }

  NASH_COLD LayerDescription describe() const {
    LayerDescription description("ReferenceBatch");
    for (int axis = 0; axis < reference().shape().rank(); ++axis) description.set(extents[axis], reference().shape()[axis]);
    return description.set("given", is_given_).add(body_.describe());
  }
  /// Of the description's options alone: given values are zero until they are loaded or copied.
  static ReferenceBatch from(const LayerDescription& d, Body body) {
    d.allow({"samples", "second", "third", "fourth", "given"});
    const index_t samples = d.size("samples"), second = d.size("second"), third = d.size("third", 0), fourth = d.size("fourth", 0);
    const Shape shape = third == 0 ? Shape{samples, second} : fourth == 0 ? Shape{samples, second, third} : Shape{samples, second, third, fourth};
    checked(shape);
    return d.flag("given", false) ? ReferenceBatch(Values::zeros(shape), std::move(body)) : ReferenceBatch(shape, std::move(body));
  }

 private:
  template <class Other>
  friend class ReferenceBatch;

  ReferenceBatch(const Buffer<T, D>& reference, bool is_given, Body body) : body_(std::move(body)), is_given_(is_given), reference_(reference) {}

  static constexpr const char* extents[] = {"samples", "second", "third", "fourth"};

  static const Shape& checked(const Shape& reference) {
    if (reference.rank() < 2) throw ShapeError("ReferenceBatch", "a reference of samples, N×…", reference.text(), "give the shape of a batch");
    for (int axis = 0; axis < reference.rank(); ++axis) require_at_least(1, reference[axis], "ReferenceBatch", "sizes of the reference");
    return reference;
  }

  index_t samples() const { return reference().shape()[0]; }

  /// all := the reference, then x
  void join(const Pass<D>& pass, const Values& x, Values& all) const {
    all.resize(x.shape().with_samples(samples() + x.shape()[0]));
    pointwise(pass.context, reference().count(), Copy<T>{reference().data(), all.data()});
    pointwise(pass.context, x.count(), Copy<T>{x.data(), all.data() + reference().count()});
  }
  /// all := zeros for the reference, then d
  void pad(const Pass<D>& pass, const Values& d, Values& all) const {
    all.resize(d.shape().with_samples(samples() + d.shape()[0]));
    const index_t before = all.count() - d.count();
    pointwise(pass.context, before, Fill<T>{all.data(), T{0}});
    pointwise(pass.context, d.count(), Copy<T>{d.data(), all.data() + before});
  }
  /// y := all without the reference
  static void take(const Pass<D>& pass, const Values& all, Values& y) {
    pointwise(pass.context, y.count(), Copy<T>{all.data() + all.count() - y.count(), y.data()});
  }

  Body body_;
  bool is_given_ = false;
  Buffer<T, D> reference_;
};

}  // namespace nash
