// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/dense.hpp"

namespace nash {

/// y[n,o] := max_j z[n, o·pieces + j], and which piece it was; a NaN wins
template <class T>
struct MaxOverPieces {
  index_t pieces;
  const T* z;
  T* y;
  std::int32_t* winner;  // null: not kept
  NASH_HOST_DEVICE void operator()(index_t i) const {
    index_t best = 0;
    for (index_t j = 1; j < pieces; ++j) {
      const T other = z[i * pieces + j];
      if (other > z[i * pieces + best] || other != other) best = j;
    }
    y[i] = z[i * pieces + best];
    if (winner != nullptr) winner[i] = static_cast<std::int32_t>(best);
  }
};

/// dz := dy for the winning piece, 0 for the others
template <class T>
struct SpreadToWinner {
  index_t pieces;
  const std::int32_t* winner;
  const T* dy;
  T* dz;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    for (index_t j = 0; j < pieces; ++j) dz[i * pieces + j] = j == winner[i] ? dy[i] : T{0};
  }
};

/// y := z for the winning piece
template <class T>
struct PickWinner {
  index_t pieces;
  const std::int32_t* winner;
  const T* z;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const { y[i] = z[i * pieces + winner[i]]; }
};

/// Of Maxout.
struct MaxoutOptions {
  index_t pieces = 5;
  Init init = Init::glorot();
};

/// Maxout: y[o] = max_j (x·Wᵀ + b)[o·pieces + j], N×in → N×out. Goodfellow et al. 2013, "Maxout networks", section 3.
///
/// The maximum runs over the pieces of one sample and unit alone. A tie goes to the first piece.
template <class T = float, class D = Cpu>
class Maxout : public LayerDefaults<T, D> {
 public:
  struct Saved {
    Tensor<std::int32_t, D> winner;  // N×out
    NoSaved dense;
  };

  NASH_COLD Maxout(index_t inputs, index_t outputs, const MaxoutOptions& options = {})
      : dense_{checked(inputs, outputs, options), outputs * options.pieces, {.init = options.init}},
        inputs_(inputs), outputs_(outputs), options_(options) {}

  Shape output_shape(const Shape& x) const {
    if (x.rank() == 0 || x.count_per_sample() != inputs_)
      throw ShapeError("Maxout", concat({"N×", inputs_, " inputs"}), x.text(),
                       concat({"build Maxout{", x.rank() == 0 ? 1 : x.count_per_sample(), ", ", outputs_, "} or change the layer before it"}));
    return {x[0], outputs_};
  }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const {
    y.resize(output_shape(x.shape()));
    const auto memory = pieces_of(pass, y);
    Tensor<T, D> z = memory.tensor(dense_.output_shape(x.shape()));
    dense_.forward(pass, x, z, nullptr);
    std::int32_t* winner = nullptr;
    if (saved != nullptr) {
      saved->winner.resize(y.shape());
      winner = saved->winner.data();
    }
    pointwise(pass.context, y.count(), MaxOverPieces<T>{options_.pieces, z.data(), y.data(), winner});
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    const auto memory = pieces_of(pass, y);
    const Tensor<T, D> dz = spread(pass, saved, dy, memory);
    dense_.backward(pass, x, dz, saved.dense, dz, dx, grads);
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    const auto memory = pieces_of(pass, y);
    Tensor<T, D> z_tangent = memory.tensor(dense_.output_shape(x.shape()));
    dense_.tangent(pass, x, z_tangent, saved.dense, x_tangent, z_tangent);
    y_tangent.resize(y.shape());
    pointwise(pass.context, y.count(), PickWinner<T>{options_.pieces, saved.winner.data(), z_tangent.data(), y_tangent.data()});
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const {
    const auto memory = pieces_of(pass, y);
    const Tensor<T, D> dz = spread(pass, saved, delta, memory);
    dense_.tangent_backward(pass, x, dz, saved.dense, x_tangent, dz, x_bar, grads);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Dense<T, D>::visit_state(self.dense_, visit);
  }

  static auto weights(auto& self) { return Dense<T, D>::weights(self.dense_); }

  template <class U, class E>
  Maxout<U, E> to() const {
    Maxout<U, E> other(inputs_, outputs_, options_);
    copy_state(*this, other);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("Maxout").set("in", inputs_).set("out", outputs_).set("pieces", options_.pieces).set(options_.init);
  }
  static Maxout from(const LayerDescription& d) {
    d.allow({"in", "out", "pieces", "init"});
    return Maxout(d.size("in"), d.size("out"), {.pieces = d.size("pieces", 5), .init = d.init(MaxoutOptions{}.init)});
  }

 private:
  static index_t checked(index_t inputs, index_t outputs, const MaxoutOptions& options) {
    require_at_least(1, inputs, "Maxout", "a number of inputs");
    require_at_least(1, outputs, "Maxout", "a number of outputs");
    require_at_least(1, options.pieces, "Maxout", "a number of pieces");
    return inputs;
  }

  auto pieces_of(const Pass<D>& pass, const Tensor<T, D>& y) const {
    return pass.context.template scratch<T>(y.count() * options_.pieces);
  }

  template <class Memory>
  Tensor<T, D> spread(const Pass<D>& pass, const Saved& saved, const Tensor<T, D>& dy, const Memory& memory) const {
    Tensor<T, D> dz = memory.tensor(Shape{dy.shape()[0], outputs_ * options_.pieces});
    pointwise(pass.context, dy.count(), SpreadToWinner<T>{options_.pieces, saved.winner.data(), dy.data(), dz.data()});
    return dz;
  }

  Dense<T, D> dense_;
  index_t inputs_, outputs_;
  MaxoutOptions options_;
};

}  // namespace nash
