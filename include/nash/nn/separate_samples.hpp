// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"

namespace nash {

/// Whether every layer of a network has second derivatives. As below, a class of each layer, so that the compiler's message has its name.
template <class L>
struct HasSecondDerivatives {
  static_assert(TwiceDifferentiable<L>,
                "latent optimisation and penalties on gradients need the second derivatives of every layer of the network: give the layer that "
                "has none the members tangent and tangent_backward, or leave it out");
  static constexpr bool value = TwiceDifferentiable<L>;
};
template <template <class...> class Composite, class... Parts>
  requires(Layer<Parts> && ...) && (!TwiceDifferentiable<Parts> || ...)
struct HasSecondDerivatives<Composite<Parts...>> {
  static constexpr bool value = (HasSecondDerivatives<Parts>::value && ...);
};

/// Whether a penalty on each sample's own gradient makes sense with a layer. It is a class of each layer, so that the compiler's message
/// has the name of the one that it is refused for.
template <class L>
struct SeesEachSampleByItself {
  static_assert(!RefusesPenalties<L> || SaysWhatToUseInstead<L>,
                "a penalty on the gradient of each sample makes no sense where a layer of the discriminator couples the samples of a batch: use "
                "one that does not in its place, or leave the penalty out");

  static constexpr bool is_so() {
    if constexpr (RefusesPenalties<L> && SaysWhatToUseInstead<L>)
      return sizeof(typename L::template Penalised<true>) > 0;
    else
      return true;
  }
  static constexpr bool value = is_so();
};
/// Of a layer around others, such as Sequential, Residual or ReferenceBatch, where one of these is to blame.
template <template <class...> class Composite, class... Parts>
  requires(Layer<Parts> && ...) && (RefusesPenalties<Parts> || ...)
struct SeesEachSampleByItself<Composite<Parts...>> {
  static constexpr bool value = (SeesEachSampleByItself<Parts>::value && ...);
};

/// Throws Error: these layers of a network are in the way of something, which may be left out instead.
[[noreturn]] NASH_COLD inline void refuse_layers(std::string_view who, std::string_view expected, const std::vector<LayerInTheWay>& layers,
                                                 std::string_view otherwise, std::string_view or_leave_out) {
  std::string names, others, remedy;
  for (const LayerInTheWay& layer : layers) {
    names += (names.empty() ? "" : ", ") + layer.type;
    if (layer.instead.empty())
      others += (others.empty() ? "" : " and ") + layer.type;
    else
      remedy += concat({"use ", layer.instead, " in the place of ", layer.type, ", "});
  }
  if (!others.empty()) remedy += concat({otherwise, others, ", "});
  throw Error(std::string(who), std::string(expected), names, concat({remedy, "or leave ", or_leave_out, " out"}));
}

/// Throws Error where a layer of a network put together at run time has no second derivatives.
template <class... Networks>
void require_second_derivatives(std::string_view who, std::string_view networks, std::string_view or_leave_out, const Networks&... bodies) {
  static_assert((HasSecondDerivatives<Networks>::value && ...));
  LayersInTheWay found;
  (find_in_the_way(bodies, found), ...);
  if (!found.first_order.empty())
    refuse_layers(who, concat({networks, " whose layers are all twice differentiable"}), found.first_order,
                  "give tangent and tangent_backward to ", or_leave_out);
}

/// Throws Error where a penalty on each sample's own gradient makes no sense with a layer of a network, or a layer has no second derivatives.
template <class L>
void require_separate_samples(const L& body, std::string_view who, std::string_view network, std::string_view or_leave_out) {
  static_assert(SeesEachSampleByItself<L>::value);
  LayersInTheWay found;
  find_in_the_way(body, found);
  if (!found.refusing.empty())
    refuse_layers(who, concat({network, " whose layers see each sample by itself"}), found.refusing, "leave out ", or_leave_out);
  require_second_derivatives(who, network, or_leave_out, body);
}

}  // namespace nash
