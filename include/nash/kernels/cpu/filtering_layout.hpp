// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "nash/kernels/conv2d.hpp"
#include "nash/kernels/cpu/filtering_cut.hpp"

namespace nash::cpu {

/// Phases of the stride with equally many taps in each direction, and where their values lie.
template <class T>
struct FilteringGroup {
  static constexpr int most_phases = 4;
  static constexpr int edge = 6;  // the most positions along an axis
  static constexpr int max_positions = edge * edge;
  static constexpr index_t pad = 16;  // a cache line between positions, so that they do not share one set

  struct Phase {
    index_t h, w;
  };

  index_t taps_h, taps_w;
  Cut<T> down, across;
  Phase phases[most_phases];
  int phase_count = 0;
  index_t depth = 0;
  index_t filters_at = 0;  // where its mapped filters begin
  index_t rows = 0, first_row[max_positions] = {};

  int positions() const { return down.positions() * across.positions(); }
  index_t tiles_at(int position) const { return down.count_at(position / across.positions()) * across.count_at(position % across.positions()); }
  /// The rows of all products with so many images.
  index_t products_for(index_t images) const { return images * down.multiplications() * across.multiplications(); }
  index_t filter_values(index_t filters) const { return positions() * depth * filters; }
  index_t values(index_t width) const { return rows * width + positions() * pad; }
  /// Where the values of a position begin, `width` of them a tile.
  index_t place(int position, index_t width) const { return first_row[position] * width + position * pad; }

  void lay_out(index_t images) {
    rows = 0;
    for (int position = 0; position < positions(); ++position) {
      first_row[position] = rows;
      rows += images * tiles_at(position);
    }
  }

  /// The lines of a tile at its positions.
  NASH_NOINLINE void lines_at(T* mapped, index_t width, index_t image, index_t tile_h, index_t tile_w, T** lines) const {
    const int last_h = down.maps(tile_h).inputs.out, last_w = across.maps(tile_w).inputs.out;
    for (int i = 0; i < last_h; ++i)
      for (int j = 0; j < last_w; ++j) {
        const index_t row = (image * down.count_at(i) + tile_h) * across.count_at(j) + tile_w;
        *lines++ = mapped + place(i * across.positions() + j, width) + row * width;
      }
  }
};

/// Images that are mapped, multiplied and mapped back at a time, by so many threads, and the memory for it.
template <class T>
struct FilteringChunk {
  index_t first, count;
  int threads;
  T* inputs;
  T* results;
  T* zeros;   ///< a pixel's
  T* unused;  ///< a pixel's for each thread
};

/// How a convolution is done by minimal filtering: the groups of its phases, what that costs, and where the values of a tile or of a phase's
/// taps lie among images, results and filters.
template <class T>
class FilteringLayout {
 public:
  using Group = FilteringGroup<T>;
  using Phase = typename Group::Phase;
  static constexpr index_t channel_step = 16;  // whole vectors in every instruction set that is used

  NASH_COLD FilteringLayout(InstructionSet set, const Conv2dGeometry& g) : g_(g), down_(axis_h(g)), across_(axis_w(g)) {
    for (index_t i = 0; i < g.stride_h; ++i)
      for (index_t j = 0; j < g.stride_w; ++j) add_phase(set, i, j);
    for (int i = 0; i < group_count_; ++i) groups_[i].filters_at = filter_values_, filter_values_ += groups_[i].filter_values(g.o);
  }

  /// Whether it can be done, and takes clearly less work than taps that are not on the padding.
  NASH_COLD static bool suits(InstructionSet set, const Conv2dGeometry& g) {
    if (set == InstructionSet::baseline || g.c % channel_step != 0 || g.o % channel_step != 0) return false;
    const Axis down = axis_h(g), across = axis_w(g);
    for (const Axis& axis : {down, across})
      if (axis.stride > 2 || axis.taps < 2 * axis.stride - 1 || axis.taps > 3 * axis.stride || axis.taps == axis.stride || axis.results < 4) return false;
    return FilteringLayout(set, g).work() < worth * static_cast<double>(g.n * down.taps_inside() * across.taps_inside() * g.c * g.o);
  }

  std::span<const Group> groups() const { return {groups_, static_cast<std::size_t>(group_count_)}; }
  /// Of all groups, mapped.
  index_t filter_values() const { return filter_values_; }

  /// So many images are mapped at a time.
  void lay_out(index_t images) {
    for (int i = 0; i < group_count_; ++i) groups_[i].lay_out(images);
  }

  /// The pixels of one phase that a tile sees; `outside` stands in for those of the padding.
  NASH_NOINLINE void pixels_of(const Group& group, const Phase& phase, T* images, index_t image, index_t tile_h, index_t tile_w, T* outside, T** pixels) const {
    const index_t count_h = group.down.maps(tile_h).inputs.in, count_w = group.across.maps(tile_w).inputs.in;
    const index_t first_h = group.down.begin(tile_h) + group.down.first_input, first_w = group.across.begin(tile_w) + group.across.first_input;
    for (index_t i = 0; i < count_h; ++i) {
      const index_t row = (first_h + i) * g_.stride_h + phase.h - g_.padding_h;
      for (index_t j = 0; j < count_w; ++j) {
        const index_t column = (first_w + j) * g_.stride_w + phase.w - g_.padding_w;
        const bool inside = row >= 0 && row < g_.h && column >= 0 && column < g_.w;
        *pixels++ = inside ? images + ((image * g_.h + row) * g_.w + column) * g_.c : outside;
      }
    }
  }

  /// The results of a tile; `outside` stands in for those beyond the last one.
  NASH_NOINLINE void results_of(const Group& group, T* results, index_t image, index_t tile_h, index_t tile_w, T* outside, T** lines) const {
    const index_t count_h = group.down.maps(tile_h).results.out, count_w = group.across.maps(tile_w).results.out;
    for (index_t i = 0; i < count_h; ++i)
      for (index_t j = 0; j < count_w; ++j) {
        const index_t row = group.down.begin(tile_h) + i, column = group.across.begin(tile_w) + j;
        *lines++ = row < g_.p() && column < g_.q() ? results + ((image * g_.p() + row) * g_.q() + column) * g_.o : outside;
      }
  }

  /// The taps of one phase of a filter.
  NASH_NOINLINE void taps_of(const Group& group, const Phase& phase, T* filters, index_t filter, T** taps) const {
    for (index_t i = 0; i < group.taps_h; ++i)
      for (index_t j = 0; j < group.taps_w; ++j)
        *taps++ = filters + ((filter * g_.r + phase.h + i * g_.stride_h) * g_.s + phase.w + j * g_.stride_w) * g_.c;
  }

 private:
  static constexpr double worth = 0.75;      // what is saved must pay for the maps
  static constexpr double filter_work = 24;  // a filter's value at a position costs as much to map as so many tiles

  static Axis axis_h(const Conv2dGeometry& g) { return {g.h, g.r, g.stride_h, g.padding_h, g.p()}; }
  static Axis axis_w(const Conv2dGeometry& g) { return {g.w, g.s, g.stride_w, g.padding_w, g.q()}; }

  void add_phase(InstructionSet set, index_t i, index_t j) {
    const index_t taps_h = down_.taps_of(i), taps_w = across_.taps_of(j);
    Group* group = groups_;
    while (group != groups_ + group_count_ && (group->taps_h != taps_h || group->taps_w != taps_w)) ++group;
    if (group == groups_ + group_count_) {
      ++group_count_;
      group->taps_h = taps_h, group->taps_w = taps_w;
      group->down = Cut<T>(down_, taps_h, set);
      group->across = Cut<T>(across_, taps_w, set);
    }
    group->phases[group->phase_count++] = {i, j};
    group->depth += g_.c;
  }

  /// In multiply-adds, more or less.
  double work() const {
    double total = 0;
    for (const Group& group : groups())
      total += (static_cast<double>(group.products_for(g_.n)) + filter_work * group.positions()) * static_cast<double>(group.depth * g_.o);
    return total;
  }

  Conv2dGeometry g_;
  Axis down_, across_;
  Group groups_[Group::most_phases];
  int group_count_ = 0;
  index_t filter_values_ = 0;
};

}  // namespace nash::cpu
