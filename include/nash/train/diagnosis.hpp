// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "nash/nn/layer.hpp"
#include "nash/train/report.hpp"

namespace nash {

/// Finding where a number stopped being finite. All of this runs only when something already went wrong.

template <class T, class Device>
NASH_COLD bool all_finite(const Tensor<T, Device>& tensor) {
  for (const T value : tensor.to_host())
    if (!std::isfinite(value)) return false;
  return true;
}

template <class T>
struct FindBadPart {
  const std::vector<T>& values;
  std::string found;
  void operator()(const StateName& name, const auto& parameter) {
    for (index_t i = 0; i < parameter.count() && found.empty(); ++i)
      if (!std::isfinite(values[static_cast<std::size_t>(parameter.offset() + i)])) found = concat({"'", name.text(), "'"});
  }
};

/// "'3.weight'" of the first parameter whose part of a flat tensor is not finite, or an empty text.
template <class Network, class T, class Device>
NASH_COLD std::string first_bad_gradient(const Network& network, const Tensor<T, Device>& flat) {
  const std::vector<T> values = flat.to_host();
  FindBadPart<T> visitor{values, {}};
  for_each_parameter(network, visitor);
  return visitor.found;
}

/// The same for the parameters themselves, which lie in one flat tensor too.
template <class Network>
NASH_COLD std::string first_bad_parameter(const Network& network) {
  return first_bad_gradient(network, network.parameters());
}

/// The activation that is not finite, in words; of an empty list, the output.
template <class T, class Device>
NASH_COLD std::string first_bad_activation(const std::string& role, const std::vector<const Tensor<T, Device>*>& activations,
                                           const LayerDescription& description, const Tensor<T, Device>& y) {
  std::vector<std::string> layers;
  const auto bad = std::find_if(activations.begin(), activations.end(), [](const auto* activation) { return !all_finite(*activation); });
  for (std::size_t i = 0; i < activations.size(); ++i)
    if (bad != activations.end() && activations[i] == *bad) layers.push_back(concat({"layer ", i, " (", description.children()[i].type(), ")"}));
  if (layers.empty()) return concat({all_finite(y) ? "the loss of finite outputs of " : "the output of ", role});
  std::string found = layers[0];
  for (std::size_t i = 1; i < layers.size(); ++i) found += (i + 1 < layers.size() ? ", " : " or ") + layers[i];
  return concat({found, " of ", role});
}

/// The first of input, parameters and activations of a saved pass that is not finite, in words. Where layers ran in place,
/// what each made is gone, and all that wrote to the same memory are named.
template <class Network, class T, class Device>
NASH_COLD std::string first_bad_place(const Network& network, const Tensor<T, Device>& x, std::string_view x_name,
                                      const Tensor<T, Device>& y, const typename Network::Saved& saved) {
  if (!all_finite(x)) return std::string(x_name);
  if (const std::string parameter = first_bad_parameter(network); !parameter.empty())
    return concat({"parameter ", parameter, " of ", network.role()});
  if constexpr (requires { network.body().activations(saved, y); })
    return first_bad_activation(network.role(), network.body().activations(saved, y), network.body().describe(), y);
  else
    return first_bad_activation(network.role(), {}, LayerDescription(""), y);
}

}  // namespace nash
