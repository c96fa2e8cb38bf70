// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>

#include "nash/kernels/random.hpp"
#include "nash/nn/description.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// out[i] := x[i] / (1 − p) with probability 1 − p, else 0
template <class T>
struct Drop {
  RandomStream random;
  std::uint32_t limit;  // bits below it mean uniform(i) < p
  T scale;
  const T* x;
  T* out;
  /// By a mask in the place of a choice, which the compiler would make a branch, and the loop would have no vectors.
  NASH_HOST_DEVICE T value(std::uint32_t bits, T kept) const {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Word mask = bits < limit ? Word{0} : ~Word{0};
      return std::bit_cast<T>(std::bit_cast<Word>(kept) & mask);
    } else {
      return bits < limit ? T{0} : kept;
    }
  }
  NASH_ALWAYS_INLINE NASH_HOST_DEVICE void operator()(index_t block) const {
    const auto bits = random.block(block);
    const T* const from = x + 4 * block;
    const T kept[] = {scale * from[0], scale * from[1], scale * from[2], scale * from[3]};
    T* const to = out + 4 * block;
    to[0] = value(bits[0], kept[0]), to[1] = value(bits[1], kept[1]), to[2] = value(bits[2], kept[2]), to[3] = value(bits[3], kept[3]);
  }
  NASH_HOST_DEVICE void one(index_t i) const {
    const T kept = scale * x[i];
    out[i] = value(random.bits(i), kept);
  }
};

struct DropoutOptions {
  /// Drops values when samples are made, too: noise within a generator, besides its latents. Chintala et al. 2016, tip 17; Isola et al.
  /// 2017, section 3.1.
  bool in_inference = false;
};

/// Dropout: in training each value is zero with probability p and else divided by 1 − p; in inference nothing changes, unless options say so.
/// Srivastava et al. 2014.
///
/// The mask is a function of the pass's random stream, so it is not stored: whoever passes an equal stream gets it again.
template <class T = float, class D = Cpu>
class Dropout : public LayerDefaults<T, D> {
 public:
  static constexpr Reads reads{.input = false, .output = false};
  static constexpr bool runs_in_place = true;

  NASH_COLD explicit Dropout(double probability = 0.5, const DropoutOptions& options = {}) : probability_(probability), options_(options) {
    if (!(probability >= 0 && probability < 1))
      throw ShapeError("Dropout", "a probability from 0 to below 1", concat({probability}), "use 0.5");
  }

  Shape output_shape(const Shape& x) const { return x; }

  void forward(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& y, NoSaved*) const {
    y.resize(x.shape());
    drop(pass, x, y);
  }

  void backward(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& dy, Tensor<T, D>* dx,
                Gradients<T, D>*) const {
    if (dx == nullptr) return;
    dx->resize(dy.shape());
    drop(pass, dy, *dx);
  }

  void tangent(const Pass<D>& pass, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>& x_tangent,
               Tensor<T, D>& y_tangent) const {
    y_tangent.resize(x_tangent.shape());
    drop(pass, x_tangent, y_tangent);
  }

  void tangent_backward(const Pass<D>&, const Tensor<T, D>&, const Tensor<T, D>&, NoSaved&, const Tensor<T, D>&, const Tensor<T, D>&,
                        Tensor<T, D>*, Gradients<T, D>*) const {}

  template <class U, class E>
  Dropout<U, E> to() const {
    return Dropout<U, E>(probability_, options_);
  }

  NASH_COLD LayerDescription describe() const { return LayerDescription("Dropout").set("probability", probability_).set("in_inference", options_.in_inference); }
  static Dropout from(const LayerDescription& d) {
    d.allow({"probability", "in_inference"});
    return Dropout(d.number("probability", 0.5), {.in_inference = d.flag("in_inference", false)});
  }

 private:
  void drop(const Pass<D>& pass, const Tensor<T, D>& x, Tensor<T, D>& out) const {
    if ((pass.mode == Mode::infer && !options_.in_inference) || probability_ == 0) return pointwise(pass.context, x.count(), Copy<T>{x.data(), out.data()});
    pointwise_by_fours(pass.context, x.count(),
                       Drop<T>{pass.random, limit_of(probability_), static_cast<T>(1 / (1 - probability_)), x.data(), out.data()});
  }

  /// ⌈p·2³² − ½⌉. For p above 1 − 2⁻³³ that is 2³², which does not fit: one value of so many is kept then.
  static std::uint32_t limit_of(double p) {
    constexpr double most = 0xFFFFFFFF;
    return static_cast<std::uint32_t>(std::min(std::ceil(p * 0x1p32 - 0.5), most));
  }

  double probability_;
  DropoutOptions options_;
};

}  // namespace nash
