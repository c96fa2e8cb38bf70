// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "nash/core/version.hpp"
#include "nash/io/safetensors.hpp"
#include "nash/nn/layer.hpp"

namespace nash {

/// Writes a network's parameters and buffers to a safetensors file, each under its dotted name ("3.weight",
/// "1.running_mean"), in nash's layouts, with texts of your own besides those of nash. Throws DataError if the file cannot be
/// written; then it is as before.
template <class Network>
void save_network(const std::filesystem::path& path, const Network& network, Metadata metadata = {}) {
  using T = typename Network::Scalar;
  std::vector<NamedTensor<T>> tensors;
  Network::visit_state(network, [&](const StateName& name, const auto& state) {
    tensors.push_back({name.text(), state.value().shape(), state.value().to_host()});
  });
  const std::string version = concat(NASH_VERSION_MAJOR, ".", NASH_VERSION_MINOR, ".", NASH_VERSION_PATCH);
  metadata.insert_or_assign("format", "nash");
  metadata.insert_or_assign("nash.network", network.role());
  metadata.insert_or_assign("nash.version", version);
  save_safetensors(path, tensors, metadata);
}

/// Reads what save_network wrote, or any file with the same names and shapes, into a network of the same structure.
/// Throws DataError for a file that does not fit, before any parameter is changed. Returns the file's texts.
template <class Network>
Metadata load_network(const std::filesystem::path& path, Network& network) {
  using T = typename Network::Scalar;
  Safetensors<T> file = load_safetensors<T>(path);
  std::set<std::string> names;
  Network::visit_state(network, [&](const StateName& name, const auto& state) {
    const NamedTensor<T>* const found = file.find(*names.insert(name.text()).first);
    if (found == nullptr)
      throw DataError(path.string(), concat("a tensor '", name.text(), "' of ", state.value().shape()), "none of that name",
                      "load it into a network of the same layers");
    if (found->shape != state.value().shape())
      throw DataError(path.string(), concat("'", name.text(), "' of ", state.value().shape()), found->shape.text(),
                      "load it into a network of the same layers and sizes");
  });
  for (const NamedTensor<T>& tensor : file.tensors)
    if (!names.contains(tensor.name))
      throw DataError(path.string(), concat("the ", names.size(), " tensors of ", network.role()), concat("also '", tensor.name, "'"),
                      "load it into a network of the same layers");
  Network::visit_state(network, [&](const StateName& name, auto& state) {
    state.value().assign_from_host(file.find(name.text())->values);
  });
  Context<typename Network::Device> context(1);
  network.mark_loaded(context);
  return std::move(file.metadata);
}

}  // namespace nash
