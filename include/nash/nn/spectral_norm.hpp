// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"
#include "nash/nn/spectral_weight.hpp"

namespace nash {

struct SpectralNormOptions {
  int power_iterations = 1;  ///< at each refresh
};

/// Spectral normalisation of a layer's weights: the layer runs with Ŵ = W/σ(W) in the place of each matrix W that it has, σ(W) its largest
/// singular value. See SpectralWeight. Miyato et al. 2018.
///
/// refresh() alone runs the power iteration and recomputes Ŵ, after each update of the parameters, so that all passes of a
/// step see the same Ŵ. The matrix is out×(kernel·kernel·in) for Conv2d, and (in·kernel·kernel)×out for
/// ConvTranspose2d, whose singular values are those of the transpose. What is no matrix, such as a bias, stays as it is.
template <class L>
class SpectralNorm : public LayerDefaults<typename L::Scalar, typename L::Device> {
  using T = typename L::Scalar;
  using D = typename L::Device;
  static_assert(Weighted<L>, "SpectralNorm stands around a layer that has weight matrices and lists them in weights()");
  static constexpr std::size_t count = std::tuple_size_v<decltype(L::weights(std::declval<L&>()))>;

 public:
  using Saved = typename L::Saved;
  static constexpr Reads reads = L::reads;
  static constexpr bool couples_samples = L::couples_samples;
  static constexpr bool penalised_although_coupled = !RefusesPenalties<L>;
  static constexpr bool curved = L::curved;

  explicit SpectralNorm(L layer, const SpectralNormOptions& options = {}) : layer_(std::move(layer)), options_(options) {
    if (options.power_iterations < 1)
      throw ShapeError("SpectralNorm", "at least 1 power iteration", concat({options.power_iterations}), "use 1");
    for (std::size_t i = 0; i < count; ++i)
      if (normalised(i).present()) weights_[i] = SpectralWeight<T, D>(normalised(i));
  }

  Shape output_shape(const Shape& x) const { return layer_.output_shape(x); }

  NASH_COLD LayerTraits traits() const {
    LayerTraits traits = traits_of(layer_);
    traits.plain_weights = false;
    return traits;
  }
  NASH_COLD void find_in_the_way(LayersInTheWay& found) const { nash::find_in_the_way(layer_, found); }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, Saved* saved) const { layer_.forward(pass, x, y, saved); }

  void backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& dy,
                Tensor<T, D>* dx, Gradients<T, D>* grads) const {
    through_weights(pass, grads, [&](Gradients<T, D>* inner) { layer_.backward(pass, x, y, saved, dy, dx, inner); });
  }

  void commit(Context<D>& context, Saved& saved) { layer_.commit(context, saved); }

  void tangent(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const
    requires TwiceDifferentiable<L>
  {
    layer_.tangent(pass, x, y, saved, x_tangent, y_tangent);
  }

  void tangent_backward(const Pass<D>& pass, const Tensor<T, D>& x, const Tensor<T, D>& y, Saved& saved, const Tensor<T, D>& x_tangent,
                        const Tensor<T, D>& delta, Tensor<T, D>* x_bar, Gradients<T, D>* grads) const
    requires TwiceDifferentiable<L>
  {
    through_weights(pass, grads,
                    [&](Gradients<T, D>* inner) { layer_.tangent_backward(pass, x, y, saved, x_tangent, delta, x_bar, inner); });
  }

  void refresh(Context<D>& context) {
    for (std::size_t i = 0; i < count; ++i)
      if (normalised(i).present()) weights_[i].refresh(context, options_.power_iterations, normalised(i));
    nash::refresh(context, layer_);
  }

  /// σ and Ŵ from W, u and v as they are: after these were loaded or copied.
  void restore(Context<D>& context) {
    for (std::size_t i = 0; i < count; ++i)
      if (normalised(i).present()) weights_[i].restore(context, normalised(i));
    nash::restore(context, layer_);
  }

  /// The estimate of the largest singular value of a weight at the last refresh. Throws ShapeError where there is no such weight.
  double sigma(std::size_t weight = 0) const {
    if (weight >= count || !normalised(weight).present())
      throw ShapeError("SpectralNorm", concat({"a weight matrix of ", layer_.describe().type()}), concat({"number ", static_cast<index_t>(weight), ", which it has not"}),
                       "ask for one that it has, from 0 on");
    return weights_[weight].sigma();
  }

  /// The layer's state, with W in the place of Ŵ, then "u" and "v" of the first weight, and those of a second one after its name, as in
  /// "embedding.u".
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    L::visit_state(self.layer_, OriginalState<Self, std::remove_reference_t<Visitor>>{self, visit});
    for (std::size_t i = 0; i < count; ++i) {
      if (!self.weights_[i].weight().present()) continue;
      const StateName u = "u", v = "v";
      const char* const weight = L::weights(self.layer_)[i].name;
      visit(i == 0 ? u : StateName(std::string_view(weight), u), self.weights_[i].u());
      visit(i == 0 ? v : StateName(std::string_view(weight), v), self.weights_[i].v());
    }
  }

  template <class U, class E>
  auto to() const {
    SpectralNorm<decltype(layer_.template to<U, E>())> other(layer_.template to<U, E>(), options_);
    copy_state(*this, other);
    Context<E> context(1);
    other.restore(context);
    return other;
  }

  NASH_COLD LayerDescription describe() const {
    return LayerDescription("SpectralNorm").set("power_iterations", options_.power_iterations).add(layer_.describe());
  }

 private:
  /// Shows a visitor W where the layer has Ŵ.
  template <class Self, class Visitor>
  struct OriginalState {
    Self& self;
    Visitor& visit;

    template <class State>
    void operator()(const StateName& name, State& state) const {
      if constexpr (is_parameter<std::remove_const_t<State>>)
        for (std::size_t i = 0; i < count; ++i)
          if (&state == L::weights(self.layer_)[i].parameter) {
            visit(name, self.weights_[i].weight());
            return;
          }
      visit(name, state);
    }
  };

  Parameter<T, D>& normalised(std::size_t i) { return *L::weights(layer_)[i].parameter; }
  const Parameter<T, D>& normalised(std::size_t i) const { return *L::weights(layer_)[i].parameter; }

  /// Runs the layer's backward with a gradient of its own for each Ŵ, from the i-th on.
  template <std::size_t i = 0, class Function>
  void through_weights(const Pass<D>& pass, Gradients<T, D>* grads, const Function& run) const {
    if constexpr (i == count) {
      run(grads);
    } else {
      if (grads == nullptr) return run(nullptr);
      if (!normalised(i).present()) return through_weights<i + 1>(pass, grads, run);
      weights_[i].through(pass.context, normalised(i), *grads, [&](Gradients<T, D>& inner) { through_weights<i + 1>(pass, &inner, run); });
    }
  }

  L layer_;  // runs with each Ŵ, which is not among the parameters
  SpectralNormOptions options_;
  std::array<SpectralWeight<T, D>, count> weights_;
};

}  // namespace nash
