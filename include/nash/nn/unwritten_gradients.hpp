// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "nash/kernels/pointwise.hpp"

namespace nash {

/// Which parts of a flat gradient nobody has written since an update began: they still have the last update's values, and mean zero. So
/// the first who has something for a part writes it, and nothing has to be filled with zeros and read again.
template <class T, class Device>
class UnwrittenGradients {
 public:
  /// Begins an update: all parts are unwritten, one for each parameter of a network that is bound to flat parameters. The context must
  /// outlive the update.
  template <class Network>
  NASH_COLD void begin(Context<Device>& context, const Network& network) {
    context_ = &context;
    parts_.clear();
    for_each_parameter(network, Add{parts_});
  }

  /// Whether the part that begins there is unwritten; from now on it is not, since whoever asks writes it. Throws Error where none begins.
  bool take(index_t offset) {
    const auto part = find(parts_, offset);
    if (part == parts_.end() || part->begin != offset)
      throw Error("Gradients", "the parameter is not one of the network whose update has begun", "name every parameter in visit_state");
    return std::exchange(part->unwritten, false);
  }

  void clear(T* gradient, index_t count) const { pointwise(*context_, count, Fill<T>{gradient, T{0}}); }

  /// Ends it: parts of the flat gradient that nobody has written become zero.
  NASH_COLD void clear_rest(T* flat) {
    for (Part& part : parts_)
      if (std::exchange(part.unwritten, false)) clear(flat + part.begin, part.count);
  }

 private:
  struct Part {
    index_t begin, count;
    bool unwritten;
  };
  static auto find(std::vector<Part>& parts, index_t offset) {
    return std::lower_bound(parts.begin(), parts.end(), offset, [](const Part& part, index_t begin) { return part.begin < begin; });
  }
  struct Add {
    std::vector<Part>& parts;
    /// A parameter that is visited twice, as tied weights are, is bound to one place; an empty one begins where the next one does.
    void operator()(const auto&, const auto& parameter) {
      const auto at = find(parts, parameter.offset());
      if (parameter.count() > 0 && (at == parts.end() || at->begin != parameter.offset())) parts.insert(at, {parameter.offset(), parameter.count(), true});
    }
  };

  Context<Device>* context_ = nullptr;
  std::vector<Part> parts_;  // by where they begin
};

}  // namespace nash
