// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// As long as it lives, the kernels of a context pack a network's weights once, and not at each call, which saves up to half of the time
/// where samples are made one by one:
///
///     const KeptFilters kept(context, generator.parameters());
///     while (…) generator.generate(context, latents, samples);
///
/// The values are the same to the last bit. The parameters must stay as they are and where they are meanwhile, or forget() be called after
/// each change. It takes up to six times the memory of the filters. Weights that are not themselves among the parameters, such as
/// SpectralNorm's, are packed at each call as before. On devices whose kernels do not pack, the GPU and Reference, it does nothing.
template <class T, class Device>
class KeptFilters {
  static constexpr bool can_keep = requires(Context<Device>& context) { context.filter_stores(); };

 public:
  NASH_COLD KeptFilters(Context<Device>& context, const Tensor<T, Device>& parameters)
      : context_(context), store_(parameters.data(), parameters.data() + parameters.count()) {
    if constexpr (can_keep) context.filter_stores().push_back(&store_);
  }
  KeptFilters(const KeptFilters&) = delete;
  KeptFilters& operator=(const KeptFilters&) = delete;
  NASH_COLD ~KeptFilters() {
    if constexpr (can_keep) std::erase(context_.filter_stores(), &store_);
  }

  /// The parameters have changed.
  void forget() { store_.forget(); }

 private:
  Context<Device>& context_;
  FilterStore store_;
};

}  // namespace nash
