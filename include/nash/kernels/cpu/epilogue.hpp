// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/ranges.hpp"

namespace nash::cpu {

/// What becomes of the results of a product or a convolution as soon as they are final, while they lie in a near cache: a map
/// y[i] := f(y[i]), such as an activation or an addition, over ranges of them in whatever order they come.
///
/// It refers to the map, which must outlive it, and costs a call for each range; it is compiled once for all products.
template <class T>
class Epilogue {
 public:
  /// Nothing is done.
  Epilogue() = default;

  /// The map's functor gets the positions of results within y.
  template <class Map>
  Epilogue(const Context<Cpu>& context, T* y, const Map& map) : y_(y), run_(range_function<Map>(context)), map_(&map) {}

  template <class Map>
  Epilogue(const Context<Cpu>&, T*, const Map&&) = delete;

  /// For `count` results from `first` on.
  void apply(T* first, index_t count) const {
    if (run_ != nullptr) run_(map_, first - y_, first - y_ + count);
  }

  /// For all results of a kernel that has not done so on the way.
  void apply_to_all(const Context<Cpu>& context, index_t count) const {
    if (run_ != nullptr) for_ranges(count >= map_parallel_from ? context.threads() : 1, count, map_chunk, run_, map_);
  }

 private:
  T* y_ = nullptr;
  RangeFunction run_ = nullptr;
  const void* map_ = nullptr;
};

}  // namespace nash::cpu
