// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/tensor/context.hpp"

namespace nash {

/// As long as it lives, the kernels of a context pack a network's weights once, and not at each call, which saves a quarter of the time
/// where a DCGAN's samples are made one by one:
///
///     const KeptFilters kept(context, generator.parameters());
///     while (…) generator.generate(context, latents, samples);
///
/// The values are the same to the last bit. The parameters must stay as they are and where they are meanwhile, or forget() be called after
/// each change. It takes several times the memory of the filters, up to ten where passes go back too, and for batches of different sizes
/// some of it anew. Weights that are not themselves among the parameters, such as SpectralNorm's, are packed at each call as before. On
/// devices whose kernels do not pack, the GPU and Reference, it does nothing.
template <class T, class Device>
class KeptFilters {
 public:
  NASH_COLD KeptFilters(Context<Device>& context, const Tensor<T, Device>& parameters) : own_(parameters.data(), parameters.data() + parameters.count()) {
    if constexpr (requires { context.filter_stores(); }) {
      stores_ = context.filter_stores();
      stores_->push_back(&own_);
    }
  }
  KeptFilters(const KeptFilters&) = delete;
  KeptFilters& operator=(const KeptFilters&) = delete;
  NASH_COLD ~KeptFilters() {
    if (stores_ != nullptr) std::erase(*stores_, &own_);
  }

  /// The parameters have changed: whatever is kept of them in the context is packed anew.
  void forget() {
    if (stores_ == nullptr) return;
    for (FilterStore* store : *stores_)
      if (store->overlaps(own_)) store->forget();
  }

 private:
  FilterStore own_;
  std::shared_ptr<std::vector<FilterStore*>> stores_;  // the context's
};

}  // namespace nash
